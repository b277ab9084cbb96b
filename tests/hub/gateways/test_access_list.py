"""The difference between what the hub wants of a broker and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from hub.broker import access_list
from hub.broker.access_list import HUB_ROLE, PREFIX, Holder
from protocols.ids import GatewayId, OrganisationId

if TYPE_CHECKING:
    from hub.broker.access_list import AccessList, Command

ADMIN = "tocsin-admin"
HUB = access_list.hub_user("tocsin-hub", "its password")


def holder(gateway: str = "north", generation: int = 1, organisation: str = "acme", secret: str = "") -> Holder:
    username = f"{organisation}.{gateway}.{generation}"
    return Holder(OrganisationId(organisation), GatewayId(gateway), username, f"{username} {secret}")


class Model:
    """The plugin, as far as these commands go; counts whom each one would disconnect."""

    def __init__(self) -> None:
        self.clients: dict[str, Command] = {
            ADMIN: {"username": ADMIN, "roles": [{"rolename": "admin"}], "groups": [], "password": "a"}
        }
        self.roles: dict[str, Command] = {"admin": {"rolename": "admin", "acls": []}}
        self.defaults = [{"acltype": "publishClientReceive", "allow": True}]
        self.kicked: list[str] = []

    def found(self) -> AccessList:
        return access_list.found(self.clients.values(), self.roles.values(), self.defaults)

    def do(self, commands: list[Command]) -> None:
        for command in commands:
            getattr(self, f"_{command['command']}")({**command})

    def _createClient(self, command: Command) -> None:  # noqa: N802
        assert command["username"] not in self.clients
        assert {role["rolename"] for role in command["roles"]} <= self.roles.keys()
        self.clients[command["username"]] = command

    def _deleteClient(self, command: Command) -> None:  # noqa: N802
        self.kicked.append(command["username"])
        del self.clients[command["username"]]

    def _createRole(self, command: Command) -> None:  # noqa: N802
        assert command["rolename"] not in self.roles
        self.roles[command["rolename"]] = command

    def _modifyRole(self, command: Command) -> None:  # noqa: N802
        self.kicked += self._holders(command["rolename"])
        self.roles[command["rolename"]] = command

    def _deleteRole(self, command: Command) -> None:  # noqa: N802
        assert not self._holders(command["rolename"]), "Mosquitto 2.0.11 would crash"
        del self.roles[command["rolename"]]

    def _setDefaultACLAccess(self, command: Command) -> None:  # noqa: N802
        changed = {acl["acltype"]: acl for acl in (*self.defaults, *command["acls"])}
        self.defaults = list(changed.values())

    def _holders(self, role: str) -> list[str]:
        return [name for name, one in self.clients.items() if {"rolename": role} in one["roles"]]


def mend(model: Model, *holders: Holder) -> list[Command]:
    want = access_list.wanted(holders, HUB)
    commands = access_list.commands(want, model.found(), lambda name: f"password of {name}", keep={ADMIN})
    model.do(commands)
    return commands


NAMES = st.sampled_from(
    ["acme.north.1.alarm", "acme.north.1.presence", "acme.old.1.alarm", "tocsin-hub", "zigbee", "x.y"]
)
ROLES = st.sampled_from([HUB_ROLE, f"{PREFIX}gateway.acme.north", f"{PREFIX}gateway.acme.old", "lamps"])
CLIENT = st.fixed_dictionaries(
    {"roles": st.lists(ROLES, max_size=2, unique=True), "groups": st.sampled_from([[], [{"groupname": "g"}]])},
    optional={
        "disabled": st.booleans(),
        "clientid": st.sampled_from(["acme.north.alarm", "evil"]),
        "textname": st.text(max_size=3),
    },
)
ACL = st.fixed_dictionaries(
    {
        "acltype": st.sampled_from(["publishClientSend", "subscribePattern"]),
        "topic": st.sampled_from(["#", "tocsin/v1/acme/north/event"]),
        "allow": st.booleans(),
    }
)
ROLE = st.fixed_dictionaries(
    {"acls": st.lists(ACL, max_size=3)}, optional={"textname": st.sampled_from(["", "tocsin.1", "x"])}
)


@given(st.dictionaries(NAMES, CLIENT), st.dictionaries(ROLES, ROLE), st.booleans(), st.booleans())
def test_whatever_is_left_over_at_the_broker_is_mended_and_strangers_stay(
    clients: dict[str, Any], roles: dict[str, Any], receive: bool, send: bool
) -> None:
    model = Model()
    model.roles |= {name: {"rolename": name, **role} for name, role in roles.items()}
    model.clients |= {
        name: {**one, "username": name, "roles": [{"rolename": role} for role in one["roles"]]}
        for name, one in clients.items()
    }
    model.defaults = [
        {"acltype": "publishClientReceive", "allow": receive},
        {"acltype": "publishClientSend", "allow": send},
    ]
    before = dict(model.clients)
    mend(model, holder())
    there, want = model.found(), access_list.wanted([holder()], HUB)
    strangers = set(access_list.strangers(there, ADMIN, HUB.username))
    assert {name: user for name, user in there.users.items() if name not in {ADMIN, *strangers}} == want.users
    held = {role for name in strangers & there.users.keys() for role in there.users[name].roles}
    assert {
        name: role for name, role in there.roles.items() if name.startswith(PREFIX) and name not in held
    } == want.roles
    assert there.defaults == want.defaults
    assert all(model.clients[name] == before[name] for name in (strangers | {ADMIN}) & before.keys())
    assert mend(model, holder()) == []


def test_a_new_gateway_or_a_revoked_one_disconnects_nobody_else() -> None:
    model = Model()
    mend(model, holder("north"), holder("south"))
    model.kicked.clear()
    mend(model, holder("north"), holder("south"), holder("east"), holder("north", 2))
    assert model.kicked == []
    mend(model, holder("north", 2), holder("south"), holder("east"))
    assert set(model.kicked) == {"acme.north.1.alarm", "acme.north.1.presence"}
    model.kicked.clear()
    mend(model, holder("south"), holder("east"))
    assert set(model.kicked) == {"acme.north.2.alarm", "acme.north.2.presence"}


def test_who_may_come_in_is_let_in_before_anybody_is_put_out() -> None:
    model = Model()
    mend(model, holder("north", 1))
    order = [command["command"] for command in mend(model, holder("north", 2))]
    assert order == ["createClient", "createClient", "deleteClient", "deleteClient"]


def test_a_user_made_with_another_password_is_made_again() -> None:
    model = Model()
    mend(model, holder(secret="before the restore"))
    assert [one["command"] for one in mend(model, holder(secret="after it"))] == ["deleteClient", "createClient"] * 2


def test_a_user_whose_password_can_not_be_had_stays_as_it_is() -> None:
    model = Model()
    mend(model, holder("north"))
    want = access_list.wanted([holder("north"), holder("south")], HUB)
    commands = access_list.commands(want, model.found(), lambda _: None, keep={ADMIN})
    assert [one["command"] for one in commands] == ["createRole"]


def test_the_roles_of_a_newer_hub_are_left_to_it() -> None:
    model = Model()
    mend(model, holder())
    newer = {**model.roles[HUB_ROLE], "textname": f"{PREFIX}{access_list.VERSION + 1}", "acls": []}
    model.roles[HUB_ROLE] = newer
    assert mend(model, holder()) == []
    model.roles[HUB_ROLE] = {**newer, "textname": f"{PREFIX}0"}
    assert [one["command"] for one in mend(model, holder())] == ["modifyRole"]


def test_a_gateway_may_use_its_own_topics_and_hear_what_is_for_it() -> None:
    want = access_list.wanted([holder("north")], HUB)
    own = "tocsin/v1/acme/north"
    assert want.roles[f"{PREFIX}gateway.acme.north"].rules == {
        ("publishClientSend", f"{own}/event"),
        ("publishClientSend", f"{own}/status"),
        ("publishClientSend", f"{own}/presence"),
        ("publishClientSend", f"{own}/position"),
        ("publishClientReceive", f"{own}/receipt"),
        ("publishClientReceive", f"{own}/command"),
        ("publishClientReceive", "tocsin/v1/acme/hub/status"),
        ("subscribeLiteral", f"{own}/receipt"),
        ("subscribeLiteral", f"{own}/command"),
        ("subscribeLiteral", "tocsin/v1/acme/hub/status"),
    }
    users = {name: user.client_id for name, user in want.users.items() if name != HUB.username}
    assert users == {"acme.north.1.alarm": "acme.north.alarm", "acme.north.1.presence": "acme.north.presence"}


def test_marks_tell_no_password() -> None:
    assert "its password" not in HUB.mark
    assert access_list.hub_user("tocsin-hub", "another").mark != HUB.mark
