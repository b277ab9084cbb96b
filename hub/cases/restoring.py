"""What must not go back when yesterday's database becomes today's.

=====================  ==============================================================================================
what                   after a restore
=====================  ==============================================================================================
events of today        gateways offer them again when they see the higher number of the restore; they page, labelled
downlink counters      moved on by more than any hub can have counted since: a device believes only rising ones
sign-ins, codes        ended: a code that was used since would be good again
API tokens             as the replaced database has them; if it is lost, all are ended
credentials, devices,  as the replaced database has them (:mod:`hub.cases.carrying`); if it is lost, somebody must
accounts               say which were ended since: they are listed
notices, words for     those that have waited for long are dropped; alerts are sent again, at once
wearers
open incidents         go on where they were, labelled: somebody may have dealt with them since
sessions               those that were logged since are not known: everybody is told so
presence counters      stay as they were: a recorded heartbeat of today could be believed until the device is next
                       heard by any gateway, which is within seconds, or by none, which is noticed
=====================  ==============================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, update

from hub.cases import carrying, device_keys, notify
from hub.domain.incident import LIVE
from hub.domain.session import SessionPhase
from hub.store import credentials, directory, faults, incidents, journal, restores, sessions
from hub.store.faults import FaultKind
from hub.store.outbox import ItemKind, ItemState
from hub.store.restores import Label, Restore
from hub.store.tables import api_tokens, devices, enrolment_codes, outbox, sign_ins

if TYPE_CHECKING:
    from datetime import datetime

    from hub.cases.carrying import Today
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
        left_out: what the replaced database knew and this one does not, in words.
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
    left_out: tuple[str, ...] = ()


def restored(desk: Desk, taken_at: datetime, today: Today | None) -> Aftermath:
    """The database was just filled from a backup of ``taken_at``; nothing has used it yet.

    Args:
        desk: the transaction.
        taken_at: of the backup.
        today: from :func:`hub.cases.carrying.read`; None = the replaced database is lost.
    """
    restore = _number(desk.tx, taken_at, 0 if today is None else today.restore)
    left_out = () if today is None else carrying.carry(desk.tx, today)
    _move_counters_on(desk.tx, restore)
    found = Aftermath(
        restore,
        to_review=tuple(credentials.live(desk.tx)),
        tokens=_end_tokens(desk.tx) if today is None else 0,
        codes=_end_codes(desk.tx),
        sign_ins=desk.tx.connection.execute(delete(sign_ins)).rowcount,
        notices=_drop_old_news(desk.tx),
        incidents=0,
        sessions=0,
        remembers=today is not None,
        left_out=left_out,
    )
    for organisation in directory.all_organisations(desk.tx):
        device_keys.after_restore(desk, organisation.id)
    live = [_label(desk, organisation, found) for organisation in directory.all_organisations(desk.tx)]
    return _with_live(found, live)


def _with_live(found: Aftermath, live: list[tuple[int, int]]) -> Aftermath:
    return replace(found, incidents=sum(one[0] for one in live), sessions=sum(one[1] for one in live))


def _number(tx: Tx, taken_at: datetime, replaced: int) -> Restore:
    """By the clock, so that it rises even over a restore that nobody remembers."""
    number = max(restores.number(tx) + 1, replaced + 1, int(tx.now.timestamp()))
    restore = Restore(number, tx.now, taken_at)
    restores.note(tx, restore)
    return restore


def _move_counters_on(tx: Tx, restore: Restore) -> None:
    """By one per second since the backup at the least; a device counts in 32 bits."""
    margin = MARGIN + max(0, int((restore.at - restore.taken_at).total_seconds()))
    tx.connection.execute(update(devices).values(downlink_counter=devices.c.downlink_counter + margin))


def _end_tokens(tx: Tx) -> int:
    good = api_tokens.c.revoked_at.is_(None)
    return tx.connection.execute(update(api_tokens).where(good).values(revoked_at=tx.now)).rowcount


def _end_codes(tx: Tx) -> int:
    good = (enrolment_codes.c.used_at.is_(None), enrolment_codes.c.expires_at > tx.now)
    return tx.connection.execute(update(enrolment_codes).where(*good).values(used_at=tx.now)).rowcount


def _drop_old_news(tx: Tx) -> int:
    """Alerts go out again at once, leased or not; what is not an alert and has waited for long is dropped."""
    pending = outbox.c.state == ItemState.PENDING
    old = (pending, outbox.c.kind != ItemKind.ALERT, outbox.c.created_at < tx.now - OLD_NEWS)
    gone = {"state": ItemState.CANCELLED, "due_at": None, "done_at": tx.now, "detail": "too old after a restore"}
    dropped = tx.connection.execute(update(outbox).where(*old).values(**gone)).rowcount
    tx.connection.execute(update(outbox).where(pending).values(due_at=tx.now))
    return dropped


def _label(desk: Desk, organisation: Organisation, found: Aftermath) -> tuple[int, int]:
    """Say so in the journal of everything live, and tell everybody; how many incidents and sessions are live."""
    taken = found.restore.taken_at.isoformat(timespec="seconds")
    detail = {"taken": taken, "number": str(found.restore.number)}
    live = [
        each.id
        for each in incidents.listed(desk.tx, organisation.id, only_live=True, limit=_ALL)
        if each.state.phase in LIVE
    ]
    active = [each.id for each in sessions.listed(desk.tx, organisation.id, (SessionPhase.ACTIVE,), limit=_ALL)]
    for chain in (HUB, *live, *active):
        journal.append(desk.tx, organisation.id, chain, Label.RESTORED, detail=detail)
    faults.clear(desk.tx, organisation.id, FaultKind.RESTORED, HUB)  # of an earlier one: told anew
    notify.fault(desk, organisation.id, FaultKind.RESTORED, HUB, _told(taken, found))
    return len(live), len(active)


def _told(taken: str, found: Aftermath) -> str:
    return (
        f"the hub was restored from a backup of {taken}. Sessions logged or ended since are not known: find out who is "
        f"out, and log their sessions again. Alarms since then come in again, labelled. {_doubtful(found)}"
    )


def _doubtful(found: Aftermath) -> str:
    """Who may come in who should not, or can't who should."""
    if not found.remembers:
        return (
            "What was revoked since may be good again (gateways, devices, people, tokens), and what was enrolled since "
            f"is unknown: look through it. Gateways that may come in: {_names(found)}."
        )
    carried = "Gateways, devices, people and tokens are as they were just before"
    return f"{carried}, but for these: {'; '.join(found.left_out)}." if found.left_out else f"{carried}."


def _names(found: Aftermath) -> str:
    return ", ".join(sorted({f"{each.organisation}/{each.gateway}" for each in found.to_review})) or "none"


def reviewed(desk: Desk, by: str) -> int:
    """Somebody has looked through what may be good again; in how many organisations that was still to do."""
    done = 0
    for organisation in directory.all_organisations(desk.tx):
        if faults.clear(desk.tx, organisation.id, FaultKind.RESTORED, HUB):
            journal.append(desk.tx, organisation.id, HUB, "restore reviewed", by=by)
            done += 1
    return done
