"""What must not go back when yesterday's database becomes today's.

=====================  ==============================================================================================
what                   after a restore
=====================  ==============================================================================================
events of today        gateways offer them again when they see the higher number of the restore; they page, labelled
downlink counters      moved on by more than any hub can have counted since: a device believes only rising ones
sign-ins, codes        ended: a code that was used since would be good again
API tokens             what the replaced database knew to be revoked stays so; if it is lost, all are ended
credentials, devices,  what the replaced database knew to be ended stays so; if it is lost, somebody must say which
accounts               were ended since: they are listed
notices, words for     those that have waited for long are dropped; alerts are sent again, at once
wearers
open incidents         go on where they were, labelled: somebody may have dealt with them since
sessions               those that were logged since are not known: everybody is told so
presence counters      stay as they were: a recorded heartbeat of today could be believed until the device is next
                       heard by any gateway, which is within seconds, or by none, which is noticed
=====================  ==============================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select, update

from hub.cases import device_keys, notify
from hub.domain.incident import LIVE
from hub.domain.session import SessionPhase
from hub.store import credentials, directory, faults, incidents, journal, restores, sessions
from hub.store.faults import FaultKind
from hub.store.outbox import ItemKind, ItemState
from hub.store.restores import Label, Restore
from hub.store.tables import accounts, api_tokens, devices, enrolment_codes, outbox, sign_ins
from hub.store.tables import credentials as credential_rows
from hub.store.tables import device_keys as device_key_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Table

    from hub.cases.desk import Desk
    from hub.store.credentials import CredentialRecord
    from hub.store.directory import Organisation
    from hub.store.store import Tx

HUB: Final = "hub"
"""Chain of an organisation in which the hub itself writes; subject of the fault."""
MARGIN: Final = 1_000_000
OLD_NEWS: Final = timedelta(minutes=30)
"""A notice or a word for a wearer that waited for longer is not sent after a restore."""

_ALL: Final = 1_000_000

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Over:
    """What the database that is replaced knows to be over, by key; it stays so.

    Attributes:
        restore: number of its last restore.
        counters: of downlinks, by device.
        credentials, tokens, devices: key -> when it ended.
        trusted: root key -> the lowest generation that was in no lost hands.
        accounts: that may no longer sign in.
    """

    restore: int = 0
    counters: Mapping[Key, int] = field(default_factory=dict)
    credentials: Mapping[Key, datetime] = field(default_factory=dict)
    tokens: Mapping[Key, datetime] = field(default_factory=dict)
    devices: Mapping[Key, datetime] = field(default_factory=dict)
    trusted: Mapping[Key, int] = field(default_factory=dict)
    accounts: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What a person must now know.

    Attributes:
        restore: its number and times.
        to_review: credentials that are good again; those that were revoked since must be revoked again.
        tokens, codes, sign_ins: how many were ended.
        notices: how many were dropped.
        incidents, sessions: how many are live in the backup.
        remembers: False when nothing was left of the replaced database.
    """

    restore: Restore
    to_review: tuple[CredentialRecord, ...]
    tokens: int
    codes: int
    sign_ins: int
    notices: int
    incidents: int
    sessions: int
    remembers: bool


def what_is_over(tx: Tx) -> Over:
    """Read in the database that is about to be replaced."""
    return Over(
        restore=restores.number(tx),
        counters=_by_key(tx, devices, "downlink_counter"),
        credentials=_by_key(tx, credential_rows, "ends_at"),
        tokens=_by_key(tx, api_tokens, "revoked_at"),
        devices=_by_key(tx, devices, "revoked_at"),
        trusted=_by_key(tx, device_key_rows, "trusted_from"),
        accounts=frozenset(key for key, active in _by_key(tx, accounts, "active").items() if not active),
    )


def _by_key(tx: Tx, table: Table, column: str) -> dict[Key, Any]:
    key = tuple(table.primary_key)
    rows = tx.connection.execute(select(*key, table.c[column]).where(table.c[column].is_not(None)))
    return {tuple(row[:-1]): row[-1] for row in rows}


def restored(desk: Desk, taken_at: datetime, over: Over | None) -> Aftermath:
    """The database was just filled from a backup of ``taken_at``; nothing has used it yet.

    Args:
        desk: the transaction.
        taken_at: of the backup.
        over: from :func:`what_is_over`; None = the replaced database is lost.
    """
    restore = _number(desk.tx, taken_at, 0 if over is None else over.restore)
    _move_counters_on(desk.tx, restore, over)
    found = Aftermath(
        restore,
        to_review=_credentials(desk.tx, over),
        tokens=_end_tokens(desk.tx, over),
        codes=_end_codes(desk.tx),
        sign_ins=desk.tx.connection.execute(delete(sign_ins)).rowcount,
        notices=_drop_old_news(desk.tx),
        incidents=0,
        sessions=0,
        remembers=over is not None,
    )
    _keep_closed(desk.tx, over)
    _keep_distrusted(desk.tx, over)
    for organisation in directory.all_organisations(desk.tx):
        device_keys.after_restore(desk, organisation.id)
    live = [_label(desk, organisation, restore) for organisation in directory.all_organisations(desk.tx)]
    return _with_live(found, live)


def _keep_distrusted(tx: Tx, over: Over | None) -> None:
    """Working keys that a lost gateway had do not become good again."""
    for key, generation in ({} if over is None else over.trusted).items():
        behind = (*_is(device_key_rows, key), device_key_rows.c.trusted_from < generation)
        higher = {"trusted_from": generation, "generation": generation}
        tx.connection.execute(update(device_key_rows).where(*behind).values(**higher))


def _with_live(found: Aftermath, live: list[tuple[int, int]]) -> Aftermath:
    return replace(found, incidents=sum(one[0] for one in live), sessions=sum(one[1] for one in live))


def _number(tx: Tx, taken_at: datetime, replaced: int) -> Restore:
    """By the clock, so that it rises even over a restore that nobody remembers."""
    number = max(restores.number(tx) + 1, replaced + 1, int(tx.now.timestamp()))
    restore = Restore(number, tx.now, taken_at)
    restores.note(tx, restore)
    return restore


def _move_counters_on(tx: Tx, restore: Restore, over: Over | None) -> None:
    """By one per second since the backup at the least; a device counts in 32 bits."""
    margin = MARGIN + max(0, int((restore.at - restore.taken_at).total_seconds()))
    tx.connection.execute(update(devices).values(downlink_counter=devices.c.downlink_counter + margin))
    for key, counter in ({} if over is None else over.counters).items():
        behind = (*_is(devices, key), devices.c.downlink_counter < counter)
        tx.connection.execute(update(devices).where(*behind).values(downlink_counter=counter + MARGIN))


def _credentials(tx: Tx, over: Over | None) -> tuple[CredentialRecord, ...]:
    ended = {} if over is None else over.credentials
    for key, at in ended.items():
        still = (*_is(credential_rows, key), credential_rows.c.ends_at.is_(None))
        values = {"ends_at": at, "ended_why": "it had ended when the hub was restored"}
        tx.connection.execute(update(credential_rows).where(*still).values(**values))
    return tuple(credentials.live(tx))


def _end_tokens(tx: Tx, over: Over | None) -> int:
    good = api_tokens.c.revoked_at.is_(None)
    if over is None:
        return tx.connection.execute(update(api_tokens).where(good).values(revoked_at=tx.now)).rowcount
    ended = [
        tx.connection.execute(update(api_tokens).where(*_is(api_tokens, key), good).values(revoked_at=at)).rowcount
        for key, at in over.tokens.items()
    ]
    return sum(ended)


def _end_codes(tx: Tx) -> int:
    good = (enrolment_codes.c.used_at.is_(None), enrolment_codes.c.expires_at > tx.now)
    return tx.connection.execute(update(enrolment_codes).where(*good).values(used_at=tx.now)).rowcount


def _keep_closed(tx: Tx, over: Over | None) -> None:
    if over is None:
        return
    for key, at in over.devices.items():
        still = (*_is(devices, key), devices.c.revoked_at.is_(None))
        tx.connection.execute(update(devices).where(*still).values(revoked_at=at))
    for key in over.accounts:
        tx.connection.execute(update(accounts).where(*_is(accounts, key)).values(active=False))


def _is(table: Table, key: Key) -> list[Any]:
    return [column == value for column, value in zip(table.primary_key, key, strict=True)]


def _drop_old_news(tx: Tx) -> int:
    """Alerts go out again at once, leased or not; what is not an alert and has waited for long is dropped."""
    pending = outbox.c.state == ItemState.PENDING
    old = (pending, outbox.c.kind != ItemKind.ALERT, outbox.c.created_at < tx.now - OLD_NEWS)
    gone = {"state": ItemState.CANCELLED, "due_at": None, "done_at": tx.now, "detail": "too old after a restore"}
    dropped = tx.connection.execute(update(outbox).where(*old).values(**gone)).rowcount
    tx.connection.execute(update(outbox).where(pending).values(due_at=tx.now))
    return dropped


def _label(desk: Desk, organisation: Organisation, restore: Restore) -> tuple[int, int]:
    """Say so in the journal of everything live, and tell everybody; how many incidents and sessions are live."""
    taken = restore.taken_at.isoformat(timespec="seconds")
    detail = {"taken": taken, "number": str(restore.number)}
    live = [
        each.id
        for each in incidents.listed(desk.tx, organisation.id, only_live=True, limit=_ALL)
        if each.state.phase in LIVE
    ]
    active = [each.id for each in sessions.listed(desk.tx, organisation.id, (SessionPhase.ACTIVE,), limit=_ALL)]
    for chain in (HUB, *live, *active):
        journal.append(desk.tx, organisation.id, chain, Label.RESTORED, detail=detail)
    faults.clear(desk.tx, organisation.id, FaultKind.RESTORED, HUB)  # of an earlier one: told anew
    notify.fault(desk, organisation.id, FaultKind.RESTORED, HUB, _told(taken))
    return len(live), len(active)


def _told(taken: str) -> str:
    return (
        f"the hub was restored from a backup of {taken}. Sessions logged or ended since are not known: find out who is "
        "out, and log their sessions again. Alarms since then come in again, labelled. What was revoked since may be "
        "good again (gateways, devices, people, tokens): look through it."
    )


def reviewed(desk: Desk, by: str) -> int:
    """Somebody has looked through what may be good again; in how many organisations that was still to do."""
    done = 0
    for organisation in directory.all_organisations(desk.tx):
        if faults.clear(desk.tx, organisation.id, FaultKind.RESTORED, HUB):
            journal.append(desk.tx, organisation.id, HUB, "restore reviewed", by=by)
            done += 1
    return done
