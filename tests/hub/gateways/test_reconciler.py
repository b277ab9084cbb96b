"""The broker's access list is what the database says, whatever happens to broker and hub. The shipped Mosquitto."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from hub.broker import access_list
from hub.broker.dynsec import Dynsec, DynsecError, DynsecUnreachableError
from hub.store import credentials
from protocols.enrolment import CONNECTIONS
from protocols.mqtt.topics import Channel
from tests.hub.gateways.site import Site, topic
from tests.services import eventually
from tocsin.mqtt import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hub.gateways.secure import SecureBroker


@pytest.fixture
def site(secure: SecureBroker, sqlite_template: Path, tmp_path: Path) -> Iterator[Site]:
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    made = Site(secure, f"sqlite:///{tmp_path / 'hub.db'}")
    yield made
    made.close()


@pytest.fixture
def admin(secure: SecureBroker) -> Iterator[Dynsec]:
    """Somebody else at the broker's administration."""
    other = Dynsec(secure.admin, client_id="somebody.else")
    other.start()
    assert other.wait_connected(10)
    yield other
    other.stop()


def _look(site: Site) -> bool:
    """The hub looks at the broker now."""
    site.hub._keeper._reconciler.look_again()  # type: ignore[union-attr]
    return site.hub._keeper._reconciler.admitted(site.hub._keeper.loop.wake)  # type: ignore[union-attr]


def _there(dynsec: Dynsec) -> access_list.AccessList:
    return access_list.found(dynsec.clients(), dynsec.roles(), dynsec.defaults())


def _user(name: str, *roles: str, **more: Any) -> dict[str, Any]:
    held = [{"rolename": role} for role in roles]
    return {"command": "createClient", "username": name, "password": "secret", "roles": held, **more}


def _role(name: str, topic: str = "#") -> dict[str, Any]:
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern")
    acls = [{"acltype": kind, "topic": topic, "allow": True} for kind in kinds]
    return {"command": "createRole", "rolename": name, "acls": acls}


def test_a_broker_that_lost_its_list_gets_it_back_and_accuses_nobody(site: Site) -> None:
    gateway = site.connect(site.enrol("north"))
    site.broker.process.kill()
    (site.broker.folder / "data" / "dynamic-security.json").unlink()
    eventually(lambda: not gateway.link.connected)
    site.broker.process.start()
    eventually(lambda: gateway.link.connected and site.hub.troubles() == [], within_s=30)
    assert site.accused() == {}


def test_neither_a_look_nor_a_restart_of_the_hub_disconnects_a_healthy_gateway(site: Site) -> None:
    north = site.connect(site.enrol("north"))
    mended = site.mended()
    assert _look(site)
    assert _look(site)
    site.restart_hub()
    assert _look(site)
    assert site.mended() == 0
    site.enrol("south")
    assert mended > 0
    assert north.link.connected
    assert len(north.connected_at) == 1


def test_leftovers_with_too_many_rights_are_removed_and_thrown_out(site: Site, admin: Dynsec) -> None:
    site.enrol("north")
    evil = [_role("tocsin.gateway.acme.evil"), _user("acme.evil.1.alarm", "tocsin.gateway.acme.evil")]
    admin.carry_out([*evil, _user("friend", "tocsin.hub")])
    password = site.broker.folder / "evil.password"
    password.write_text("secret")
    thief = Connection(site.broker.account("acme.evil.1.alarm", password), client_id="evil")
    thief.start()
    assert thief.wait_connected(10)
    assert _look(site)
    eventually(lambda: not thief.connected)
    thief.stop()
    there = _there(admin)
    assert not {"acme.evil.1.alarm", "friend"} & there.users.keys()
    assert "tocsin.gateway.acme.evil" not in there.roles


def test_what_was_widened_disabled_or_bound_to_another_is_put_right(site: Site, admin: Dynsec) -> None:
    site.enrol("north")
    wide = [{"acltype": "subscribePattern", "topic": "#", "allow": True}]
    admin.carry_out(
        [
            {"command": "modifyRole", "rolename": "tocsin.gateway.acme.north", "acls": wide},
            {"command": "disableClient", "username": "acme.north.1.alarm"},
            {"command": "modifyClient", "username": "acme.north.1.presence", "clientid": "other"},
            {"command": "setDefaultACLAccess", "acls": [{"acltype": "publishClientReceive", "allow": True}]},
        ]
    )
    assert _look(site)
    live = site.hub.store.read(credentials.live)
    holders = [access_list.Holder(one.organisation, one.gateway, one.username, one.secret_hash) for one in live]
    want, there = access_list.wanted(holders, None), _there(admin)
    assert {name: there.users[name] for name in want.users} == want.users
    assert {name: there.roles[name] for name in want.roles} == want.roles
    assert there.defaults == want.defaults


def test_an_operators_own_user_is_left_alone_and_counted(site: Site, admin: Dynsec) -> None:
    admin.carry_out([_role("lamps", "lamps/#"), _user("zigbee", "lamps")])
    assert _look(site)
    assert "zigbee" in _there(admin).users
    assert site.hub.metrics.registry.get_sample_value("tocsin_broker_strangers") == 2


def test_a_hub_that_died_in_the_middle_is_finished_by_the_next(site: Site, admin: Dynsec) -> None:
    credential = site.enrol("north")
    users = [f"acme.north.1.{connection}" for connection in CONNECTIONS]
    half = [{"command": "deleteClient", "username": name} for name in users]
    admin.carry_out([*half, {"command": "deleteRole", "rolename": "tocsin.gateway.acme.north"}])
    assert _look(site)
    admin.carry_out(half[:1])
    assert _look(site)
    gateway = site.connect(credential, subscribe=[topic("north", Channel.COMMAND)])
    eventually(lambda: site.hub._event_link.publish(topic("north", Channel.COMMAND), b"x") and gateway.heard)


def test_while_the_broker_is_away_the_hub_says_so_and_goes_on_trying(site: Site) -> None:
    site.broker.process.kill()
    eventually(lambda: any("access list" in trouble for trouble in site.hub.troubles()))
    credential = site.trade.enrolled("north")
    site.broker.process.start()
    eventually(lambda: site.hub.troubles() == [], within_s=30)
    assert site.connect(credential).link.connected


def test_hundreds_of_gateways_are_let_in_within_seconds(site: Site, admin: Dynsec) -> None:
    for number in range(150):
        site.trade.enrolled(f"gateway-{number}")
    began = time.monotonic()
    eventually(lambda: len(admin.clients()) == 302, within_s=30)
    assert time.monotonic() - began < 20
    assert _look(site)
    mended = site.mended()
    assert _look(site)
    assert site.mended() == mended


def test_a_command_that_the_broker_refuses_is_an_error_and_what_is_done_already_none(admin: Dynsec) -> None:
    admin.carry_out([_role("r"), _role("r"), {"command": "deleteClient", "username": "nobody"}])
    with pytest.raises(DynsecError, match="createClient"):
        admin.carry_out([_user("u", "no such role")])
    with pytest.raises(DynsecError, match="Unknown command"):
        admin.carry_out([{"command": "fly"}])


def test_without_a_connection_nothing_waits(secure: SecureBroker) -> None:
    nobody = Dynsec(secure.admin, client_id="never.started")
    with pytest.raises(DynsecUnreachableError, match="no connection"):
        nobody.clients()
