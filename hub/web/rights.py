"""Who may do what: the one table. Every route declares one right or one door; a test walks all of them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hub.store.directory import Role

if TYPE_CHECKING:
    from collections.abc import Mapping


class Right(StrEnum):
    """What a route takes. The value is the scope of a token that has it."""

    OWN = "own"  # one's own sessions and alarms, for who works alone
    ALARMS_SEE = "alarms:see"  # also sessions, faults and how gateways are
    ALARMS_ACT = "alarms:act"  # take, mark, close
    FAULTS_SHELVE = "faults:shelve"
    SESSIONS_LOG = "sessions:log"  # log, extend, end anybody's
    DIRECTORY_SEE = "directory:see"  # workers, places, devices, gateways
    DIRECTORY_EDIT = "directory:edit"  # workers, places, devices and who wears them
    JOURNAL_SEE = "journal:see"
    GATEWAYS_EDIT = "gateways:edit"  # enrol, rotate, revoke
    SETTINGS_EDIT = "settings:edit"  # of the organisation
    ACCOUNTS_EDIT = "accounts:edit"
    TOKENS_EDIT = "tokens:edit"


class Door(StrEnum):
    """What a route takes that no role gives."""

    PUBLIC = "public"  # nothing at all
    SIGNED_IN = "signed in"  # any account, even one that must change its password first
    GATEWAY = "gateway"  # a gateway's own credential or code
    SCRAPER = "scraper"  # the token of whoever runs this hub


_TABLE: Final[Mapping[Right, str]] = {
    # worker, supervisor, manager, administrator
    Right.OWN: "WSMA",
    Right.ALARMS_SEE: ".SMA",
    Right.ALARMS_ACT: ".SMA",
    Right.FAULTS_SHELVE: ".SMA",
    Right.SESSIONS_LOG: ".SMA",
    Right.DIRECTORY_SEE: ".SMA",
    Right.DIRECTORY_EDIT: "..MA",
    Right.JOURNAL_SEE: "..MA",
    Right.GATEWAYS_EDIT: "...A",
    Right.SETTINGS_EDIT: "...A",
    Right.ACCOUNTS_EDIT: "...A",
    Right.TOKENS_EDIT: "...A",
}
_COLUMNS: Final[Mapping[str, Role]] = {
    "W": Role.WORKER,
    "S": Role.SUPERVISOR,
    "M": Role.MANAGER,
    "A": Role.ADMINISTRATOR,
}

FOR_PEOPLE: Final = frozenset({Right.ACCOUNTS_EDIT, Right.TOKENS_EDIT, Right.GATEWAYS_EDIT})
"""No token has them: one that ends must not leave another way in behind it."""


def of(role: Role) -> frozenset[Right]:
    """Everything a role may do."""
    return frozenset(right for right, row in _TABLE.items() if role in {_COLUMNS.get(mark) for mark in row})


def grantable(role: Role) -> frozenset[Right]:
    """What somebody of this role may give to a token."""
    return of(role) - FOR_PEOPLE


def words(right: Right) -> str:
    """A right, as people read it."""
    return _WORDS[right]


_WORDS: Final[Mapping[Right, str]] = {
    Right.OWN: "one's own sessions and alarms",
    Right.ALARMS_SEE: "see alarms, sessions and faults",
    Right.ALARMS_ACT: "take and close alarms",
    Right.FAULTS_SHELVE: "shelve faults",
    Right.SESSIONS_LOG: "log, extend and end sessions",
    Right.DIRECTORY_SEE: "see people, places, devices and gateways",
    Right.DIRECTORY_EDIT: "edit people, places and devices",
    Right.JOURNAL_SEE: "read the journal",
    Right.GATEWAYS_EDIT: "add and revoke gateways",
    Right.SETTINGS_EDIT: "edit the organisation's settings",
    Right.ACCOUNTS_EDIT: "edit accounts",
    Right.TOKENS_EDIT: "make and revoke tokens",
}
