"""What a step of the clock back moves: deadlines that were set before it, and what would have happened in the future.

What people planned by the clock on the wall stays as they planned it, but for what begins within :data:`SOON`: who is
on the way to a dangerous job is watched from when they said.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, or_, select, update

from hub.domain.incident import IN_HAND, Phase
from hub.domain.ladder import LADDER, PRE_ALARM_WINDOW, REMINDER, WELFARE_WINDOW
from hub.domain.session import LONGEST, Risk, SessionPhase
from hub.store import deadlines
from hub.store.deadlines import DeadlineKind
from hub.store.outbox import LEASE
from hub.store.tables import assignments, device_keys, gateways, hearings, incidents, outbox, presence, sessions
from hub.store.tables import deadlines as deadline_rows
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Row, Table

    from hub.store.steps import Back
    from hub.store.store import Tx

    Changes = dict[str, datetime]

SOON: Final = timedelta(hours=1)
_HEARD: Final = (
    (presence, ("heard_at", "mark_at", "next_mark_at", "passed_since")),
    (hearings, ("heard_at",)),
    (gateways, ("heard_at",)),
    (device_keys, ("ordered_at", "rekey_from", "rekeyed_at")),
)
"""What happened, and is compared with what time it is."""
_WATCHES: Final = {
    "start_due": DeadlineKind.SESSION_START,
    "overrun_due": DeadlineKind.OVERRUN,
    "silence_due": DeadlineKind.SILENCE,
}
_LOOKS: Final = (DeadlineKind.GATEWAY, DeadlineKind.KEYS)
"""What these are about is looked at anew when they come up: too early does no harm."""


def move(tx: Tx, back: Back) -> None:
    """Whatever is due comes up when it would have, and nobody was heard in the future.

    Deadlines last, as everybody locks them.
    """
    for table, names in _HEARD:
        _move_future(tx, back, table, names)
    _change(tx, assignments, ("since", "until"), _is_future(tx, assignments, ("since", "until")), back, _of_assignment)
    incident_dues = _move_incidents(tx, back)
    session_dues = _move_sessions(tx, back)
    _change(tx, outbox, ("due_at",), outbox.c.due_at > tx.now, back, _of_item, ("created_at",))
    deadlines.move(tx, DeadlineKind.INCIDENT, incident_dues)
    for kind, due in session_dues.items():
        deadlines.move(tx, kind, due)
    looks = and_(deadline_rows.c.kind.in_(_LOOKS), deadline_rows.c.due_at > tx.now)
    _change(tx, deadline_rows, ("due_at",), looks, back, _of_future)


def _move_future(tx: Tx, back: Back, table: Table, names: Sequence[str]) -> None:
    _change(tx, table, names, _is_future(tx, table, names), back, _of_future)


def _is_future(tx: Tx, table: Table, names: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(table.c[name] > tx.now for name in names))


def _move_incidents(tx: Tx, back: Back) -> dict[tuple[OrganisationId, str], datetime]:
    where = incidents.c.due.is_not(None)
    moved = _change(tx, incidents, ("due",), where, back, _of_incident, ("phase", "rung"))
    return {(OrganisationId(row.organisation), row.id): changes["due"] for row, changes in moved}


def _move_sessions(tx: Tx, back: Back) -> dict[DeadlineKind, dict[tuple[OrganisationId, str], datetime]]:
    names = ("starts_at", "ends_at", "ended_at", *_WATCHES)
    where = or_(sessions.c.phase.in_([SessionPhase.PLANNED, SessionPhase.ACTIVE]), sessions.c.ended_at > tx.now)
    moved = _change(tx, sessions, names, where, back, _of_session, ("phase", "risk"))
    return {
        kind: {(OrganisationId(row.organisation), row.id): changes[name] for row, changes in moved if name in changes}
        for name, kind in _WATCHES.items()
    }


def _of_future(back: Back, row: Row[Any]) -> Changes:
    """It can't be: it was written before the step."""
    times = row._mapping.items()  # noqa: SLF001 - SQLAlchemy's public name for it
    return {str(name): at - back.by for name, at in times if isinstance(at, datetime) and at > back.now}


def _of_assignment(back: Back, row: Row[Any]) -> Changes:
    """What has begun or ended by the clock before the step, unless it was planned before the step forward."""
    since = back.now
    if back.ahead is not None and back.undone == back.by:
        since = max(since, back.ahead.since)
    times = {"since": row.since, "until": row.until}
    return {name: at - back.by for name, at in times.items() if at is not None and since < at <= back.before}


def _of_incident(back: Back, row: Row[Any]) -> Changes:
    """One that was not there at the last look may be of between two steps: it moves no further than it must."""
    longest = _longest(Phase(row.phase), row.rung)
    is_known = back.knows((row.organisation, row.id), row.due, longest)
    by = back.of(row.due, longest, is_known=is_known)
    if by and not is_known and back.known is not None:
        by = min(by, row.due - back.now - longest)
    return {"due": row.due - by} if by else {}


def _longest(phase: Phase, rung: int) -> timedelta:
    """That an incident waits in this phase."""
    if phase is Phase.PENDING:
        return max(PRE_ALARM_WINDOW, WELFARE_WINDOW)
    return REMINDER if phase in IN_HAND else LADDER[rung].wait


def _of_session(back: Back, row: Row[Any]) -> Changes:
    by = back.of_waiting(LONGEST)
    if row.phase == SessionPhase.PLANNED:
        is_soon = row.start_due is not None and row.start_due <= back.before + SOON
        return _moved(row, ("starts_at", "ends_at", "start_due"), by) if is_soon else {}
    begun = {name: at - back.by for name in ("starts_at", "ended_at") if (at := getattr(row, name)) and at > back.now}
    if row.phase != SessionPhase.ACTIVE:
        return begun
    return begun | _moved(row, ("ends_at", "overrun_due"), by) | _of_silence(back, row)


def _of_silence(back: Back, row: Row[Any]) -> Changes:
    """What comes up too early is held against when the device was heard."""
    limit = Risk(row.risk).silence_limit
    if row.silence_due is None:
        return {}
    return _moved(
        row, ("silence_due",), back.of(row.silence_due, limit, is_known=back.known is None or back.by <= limit)
    )


def _moved(row: Row[Any], names: Sequence[str], by: timedelta) -> Changes:
    return {name: at - by for name in names if by and (at := getattr(row, name)) is not None}


def _of_item(back: Back, row: Row[Any]) -> Changes:
    """One that was never leased is due since it was written; a lease or wait that may be of after the step stays."""
    is_fresh = row.due_at == row.created_at
    return {"due_at": row.due_at - back.by} if is_fresh or row.due_at > back.now + LEASE else {}


def _change(
    tx: Tx,
    table: Table,
    names: Sequence[str],
    where: ColumnElement[bool],
    back: Back,
    changes_of: Callable[[Back, Row[Any]], Changes],
    seen: Sequence[str] = (),
) -> list[tuple[Row[Any], Changes]]:
    """Row by row: the two databases reckon with times in different ways.

    Args:
        tx: the transaction.
        table: whose rows.
        names: columns that may change.
        where: which rows.
        back: the step.
        changes_of: new times by column; empty = the row stays.
        seen: further columns by which that is decided.
    """
    keys = [column.name for column in table.primary_key]
    columns = [table.c[name] for name in (*keys, *names, *seen)]
    rows = tx.connection.execute(tx.lock(select(*columns).where(where).order_by(*table.primary_key))).all()
    moved = [(row, changes) for row in rows if (changes := changes_of(back, row))]
    if moved:
        _write(tx, table, keys, names, moved)
    return moved


def _write(
    tx: Tx, table: Table, keys: Sequence[str], names: Sequence[str], moved: Sequence[tuple[Row[Any], Changes]]
) -> None:
    is_row = and_(*(table.c[key] == bindparam(f"_{key}") for key in keys))
    values = {name: bindparam(f"_{name}", type_=table.c[name].type) for name in names}
    given = [{f"_{name}": changes.get(name, getattr(row, name)) for name in (*keys, *names)} for row, changes in moved]
    tx.connection.execute(update(table).where(is_row).values(**values), given)
