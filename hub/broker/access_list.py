"""Who may do what at the broker: what the hub wants, what is there, and the commands between the two. No I/O.

A role for each gateway, because Mosquitto's dynamic security has no pattern for the user's own name. A user for each of
its connections and generations of its credential, bound to one client id, so that nobody takes over another's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import pbkdf2_hmac, sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hub.broker.seed import DEFAULTS
from protocols.enrolment import CONNECTIONS, client_id, mqtt_username
from protocols.ids import NAME, GatewayId, OrganisationId
from protocols.mqtt import topics
from protocols.mqtt.topics import Channel, Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

VERSION: Final = 2
"""Of what roles allow; rises with every change, so that a hub of yesterday leaves a newer one's roles alone."""
PREFIX: Final = "tocsin."
HUB_ROLE: Final = f"{PREFIX}hub"
FROM_GATEWAY: Final = (Channel.EVENT, Channel.STATUS, Channel.PRESENCE, Channel.POSITION)
TO_GATEWAY: Final = (Channel.RECEIPT, Channel.COMMAND)
_ITERATIONS: Final = 200_000
_SEND: Final = "publishClientSend"
_RECEIVE: Final = "publishClientReceive"
_SUBSCRIBE: Final = "subscribeLiteral"
_GATEWAY_USER: Final = re.compile(rf"{NAME}\.{NAME}\.[0-9]+\.(?:{'|'.join(CONNECTIONS)})")

Command: TypeAlias = dict[str, Any]
"""As the plugin reads it."""
Rule: TypeAlias = tuple[str, str]
"""What is allowed: a kind of access, and the topic or filter."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A gateway with a credential that is good.

    Attributes:
        username: of the credential, see :class:`protocols.enrolment.Credential`.
        secret_hash: SHA-256 (hex) of the secret.
    """

    organisation: OrganisationId
    gateway: GatewayId
    username: str
    secret_hash: str


@dataclass(frozen=True, slots=True)
class User:
    """An account at the broker.

    Attributes:
        client_id: the only one it may use; None = any.
        roles: names.
        mark: tells which password it was made with, and nothing about it.
        plain: nothing else is known of it: not disabled, in no group.
    """

    username: str
    client_id: str | None
    roles: frozenset[str]
    mark: str
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Role:
    """A set of permissions; there are no prohibitions. ``version``: see :data:`VERSION`; 0 = not one of ours."""

    name: str
    rules: frozenset[Rule]
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class AccessList:
    """All users and roles.

    Attributes:
        defaults: what holds where no role says anything, by kind of access.
    """

    users: Mapping[str, User]
    roles: Mapping[str, Role]
    defaults: Mapping[str, bool] = field(default_factory=lambda: DEFAULTS)


def mark(username: str, secret_hash: str) -> str:
    return f"{PREFIX}{sha256(f'{username} {secret_hash}'.encode()).hexdigest()[:20]}"


def wanted(holders: Iterable[Holder], hub: User | None) -> AccessList:
    """What there has to be. ``hub``: its own account, where it has one."""
    users, roles = {}, {HUB_ROLE: _hub_role()}
    if hub is not None:
        users[hub.username] = hub
    for holder in holders:
        role = _gateway_role(holder)
        roles[role.name] = role
        users.update({user.username: user for user in _users(holder, role.name)})
    return AccessList(users, roles)


def hub_user(username: str, password: str) -> User:
    """Its client ids change with every start; nobody else has its password, which somebody may have chosen."""
    slowly = pbkdf2_hmac("sha256", password.encode(), username.encode(), _ITERATIONS).hex()
    return User(username, None, frozenset({HUB_ROLE}), mark(username, slowly))


def _users(holder: Holder, role: str) -> Iterator[User]:
    for connection in CONNECTIONS:
        username = mqtt_username(holder.username, connection)
        own = client_id(holder.organisation, holder.gateway, connection)
        yield User(username, own, frozenset({role}), mark(username, holder.secret_hash))


def _gateway_role(holder: Holder) -> Role:
    name = f"{PREFIX}gateway.{holder.organisation}.{holder.gateway}"
    down = [*(_topic(holder, channel) for channel in TO_GATEWAY), topics.hub_status(holder.organisation)]
    up = [_topic(holder, channel) for channel in FROM_GATEWAY]
    return Role(name, _rules(send=up, receive=down, subscribe=down))


def _topic(holder: Holder, channel: Channel) -> str:
    return str(Topic(holder.organisation, holder.gateway, channel))


def _hub_role() -> Role:
    """Everything of every gateway, one way; ``subscribeLiteral`` allows these filters and none that is wider."""
    up = [topics.from_gateways(channel) for channel in FROM_GATEWAY]
    down = [topics.from_gateways(channel) for channel in TO_GATEWAY]
    own = topics.hub_statuses()
    shared = [topics.shared(subscription) for subscription in up]
    return Role(HUB_ROLE, _rules(send=[*down, own], receive=up, subscribe=[*up, *shared, own]))


def _rules(send: Iterable[str], receive: Iterable[str], subscribe: Iterable[str]) -> frozenset[Rule]:
    each = ((_SEND, send), (_RECEIVE, receive), (_SUBSCRIBE, subscribe))
    return frozenset((kind, topic) for kind, listed in each for topic in listed)


def found(clients: Iterable[Command], roles: Iterable[Command], defaults: Iterable[Command]) -> AccessList:
    """What is there, from the plugin's answers to listClients, listRoles and getDefaultACLAccess."""
    users = [_user(client) for client in clients]
    return AccessList(
        {user.username: user for user in users},
        {role.name: role for role in map(_role, roles)},
        {acl["acltype"]: bool(acl["allow"]) for acl in defaults},
    )


def _user(client: Command) -> User:
    roles = frozenset(role["rolename"] for role in client.get("roles", ()))
    plain = not client.get("disabled", False) and not client.get("groups")
    return User(client["username"], client.get("clientid"), roles, client.get("textname", ""), plain)


def _role(role: Command) -> Role:
    rules = frozenset((acl["acltype"], acl["topic"]) for acl in role.get("acls", ()) if acl["allow"])
    forbids = any(not acl["allow"] for acl in role.get("acls", ()))
    said = role.get("textname", "").removeprefix(PREFIX)
    return Role(role["rolename"], rules, 0 if forbids or not said.isdecimal() else int(said))


def strangers(there: AccessList, admin: str, hub: str | None) -> list[str]:
    """Users and roles that are not the hub's to mend."""
    admins = there.users[admin].roles if admin in there.users else frozenset()
    users = [name for name, user in there.users.items() if name not in {admin, hub} and not _is_ours(user)]
    return users + [name for name in there.roles if not name.startswith(PREFIX) and name not in admins]


def _is_ours(user: User) -> bool:
    return (
        user.mark.startswith(PREFIX)
        or any(role.startswith(PREFIX) for role in user.roles)
        or _GATEWAY_USER.fullmatch(user.username) is not None
    )


def commands(
    want: AccessList, there: AccessList, password: Callable[[str], str | None], keep: Collection[str] = ()
) -> list[Command]:
    """What has to be done, in an order in which nobody who may come in is ever shut out.

    Args:
        want: see :func:`wanted`.
        there: see :func:`found`.
        password: of a user; None = can't be had now: what is there stays.
        keep: names that are nobody's business here.
    """
    users = [
        *_mended_users(want, there, password),
        *({"command": "deleteClient", "username": name} for name in _superfluous(want, there, keep)),
    ]
    gone = {command["username"] for command in users if command["command"] == "deleteClient"}
    held = {role for name, user in there.users.items() if name not in gone for role in user.roles}
    return [
        *_defaults(want, there),
        *_mended_roles(want, there),
        *users,
        *({"command": "deleteRole", "rolename": name} for name in _needless_roles(want, there, held)),
    ]


def _needless_roles(want: AccessList, there: AccessList, held: Collection[str]) -> list[str]:
    """Roles of ours that nobody has. Mosquitto 2.0.11 does not survive the deletion of one that somebody has."""
    return [name for name in there.roles if name.startswith(PREFIX) and name not in want.roles and name not in held]


def _defaults(want: AccessList, there: AccessList) -> Iterator[Command]:
    wrong = [kind for kind, allow in want.defaults.items() if there.defaults.get(kind) is not allow]
    if wrong:
        acls = [{"acltype": kind, "allow": want.defaults[kind]} for kind in wrong]
        yield {"command": "setDefaultACLAccess", "acls": acls}


def _mended_roles(want: AccessList, there: AccessList) -> Iterator[Command]:
    for name, role in want.roles.items():
        known = there.roles.get(name)
        if known is None or (known != role and known.version <= role.version):
            acls = [{"acltype": kind, "topic": topic, "allow": True} for kind, topic in sorted(role.rules)]
            command = "createRole" if known is None else "modifyRole"
            yield {"command": command, "rolename": name, "textname": f"{PREFIX}{role.version}", "acls": acls}


def _mended_users(want: AccessList, there: AccessList, password: Callable[[str], str | None]) -> Iterator[Command]:
    for name, user in want.users.items():
        known = there.users.get(name)
        if known == user or (secret := password(name)) is None:
            continue
        if known is not None:
            yield {"command": "deleteClient", "username": name}
        bound = {} if user.client_id is None else {"clientid": user.client_id}
        roles = [{"rolename": role} for role in sorted(user.roles)]
        yield {
            "command": "createClient",
            "username": name,
            "password": secret,
            "textname": user.mark,
            "roles": roles,
            **bound,
        }


def _superfluous(want: AccessList, there: AccessList, keep: Collection[str]) -> list[str]:
    return [
        name for name, user in there.users.items() if name not in want.users and name not in keep and _is_ours(user)
    ]
