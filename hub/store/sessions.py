"""Sessions as rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, insert, or_, select, update

from hub.domain.matching import EARLY, SessionWindow
from hub.domain.session import Risk, Session, SessionPhase
from hub.store import deadlines
from hub.store.deadlines import DeadlineKind
from hub.store.lookup import Lookup
from hub.store.tables import assignments, presence, sessions
from hub.store.tables import deadlines as deadlines_table
from protocols.ids import OrganisationId, PlaceId, SessionId, WorkerId

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx

SESSIONS: Final = Lookup(sessions, "organisation", "worker")
ACTIVE: Final = Lookup(sessions, "organisation", "worker", "phase")
BY_ID: Final = Lookup(sessions, "organisation", "id", locks=True)
LOCKED: Final = Lookup(sessions, "organisation", "worker", "phase", locks=True)

_HEARD_AT: Final = presence.c.heard_at
_WORN_AND_WATCHED: Final = (
    select(sessions, _HEARD_AT)
    .select_from(deadlines_table)
    .join(
        sessions,
        and_(sessions.c.organisation == deadlines_table.c.organisation, sessions.c.id == deadlines_table.c.subject),
    )
    .join(
        assignments,
        and_(assignments.c.organisation == sessions.c.organisation, assignments.c.worker == sessions.c.worker),
    )
    .join(
        presence,
        and_(presence.c.organisation == assignments.c.organisation, presence.c.address == assignments.c.address),
    )
    .where(deadlines_table.c.kind == DeadlineKind.SILENCE, sessions.c.phase == SessionPhase.ACTIVE)
)
"""A row for each device, and each root key that it was heard under."""
_WATCHED_ON: Final = (
    update(sessions)
    .where(sessions.c.organisation == bindparam("_organisation"), sessions.c.id == bindparam("_id"))
    .values(silence_due=bindparam("_due"))
)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session with who and where.

    Attributes:
        state: what :mod:`hub.domain.session` decides on.
        ended_at: when it really ended.
    """

    organisation: OrganisationId
    id: SessionId
    worker: WorkerId
    place: PlaceId
    state: Session
    ended_at: datetime | None = None


def _values(record: SessionRecord) -> dict[str, Any]:
    state = record.state
    return {
        "phase": state.phase,
        "risk": state.risk,
        "starts_at": state.starts_at,
        "ends_at": state.ends_at,
        "wears_device": state.wears_device,
        "ended_at": record.ended_at,
        "start_due": state.start_due,
        "overrun_due": state.overrun_due,
        "silence_due": state.silence_due,
    }


def _about(record: SessionRecord) -> dict[str, Any]:
    """What never changes of it."""
    return {"organisation": record.organisation, "id": record.id, "worker": record.worker, "place": record.place}


def add(tx: Tx, record: SessionRecord) -> None:
    tx.connection.execute(insert(sessions).values(**_about(record), **_values(record)))
    _set_deadlines(tx, record)


def save(tx: Tx, record: SessionRecord) -> None:
    tx.unit.put(sessions, _about(record) | _values(record))
    _set_deadlines(tx, record)


def _set_deadlines(tx: Tx, record: SessionRecord) -> None:
    state = record.state
    due = {
        DeadlineKind.SESSION_START: state.start_due,
        DeadlineKind.OVERRUN: state.overrun_due,
        DeadlineKind.SILENCE: state.silence_due,
    }
    for kind, at in due.items():
        deadlines.set_(tx, record.organisation, kind, record.id, at)


def still_heard(tx: Tx, limit: int) -> dict[tuple[OrganisationId, str], tuple[SessionRecord, datetime]]:
    """Sessions whose silence is due to be looked for, though what their workers wear was heard within the limit.

    Each, by organisation and id, with when that was. About ``limit`` of the oldest deadlines; both rows are locked,
    those that somebody else has locked left out.
    """
    lately = or_(*(and_(sessions.c.risk == risk, tx.now - risk.silence_limit < _HEARD_AT) for risk in Risk))
    statement = (
        _WORN_AND_WATCHED.where(deadlines_table.c.due_at <= tx.now, sessions.c.silence_due <= tx.now, lately)
        .where(assignments.c.since <= tx.now, or_(assignments.c.until.is_(None), assignments.c.until > tx.now))
        .order_by(deadlines_table.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=[deadlines_table, sessions])
    )
    rows = sorted(tx.connection.execute(statement), key=attrgetter("heard_at"))
    return {(OrganisationId(row.organisation), row.id): (_record(row), row.heard_at) for row in rows}


def watch_on(tx: Tx, due: Mapping[tuple[OrganisationId, str], datetime]) -> None:
    """Silence of these sessions, each by organisation and id, is looked for next at these times."""
    rows = [{"_organisation": of, "_id": number, "_due": at} for (of, number), at in due.items()]
    if rows:
        tx.connection.execute(_WATCHED_ON, rows)
    deadlines.move(tx, DeadlineKind.SILENCE, due)


def get(tx: Tx, organisation: OrganisationId, session: str) -> SessionRecord | None:
    """One session, locked until the transaction ends."""
    rows = tx.unit.rows(BY_ID, organisation, session)
    return _record(rows[0]) if rows else None


def active_of(tx: Tx, organisation: OrganisationId, worker: str) -> list[SessionRecord]:
    """Sessions of a worker that are under way."""
    rows = tx.unit.rows(LOCKED, organisation, worker, SessionPhase.ACTIVE)
    return [_record(row) for row in rows]


def fallen_silent(tx: Tx, organisation: OrganisationId, worker: str) -> list[SessionId]:
    """Sessions of a worker whose silence was noticed; looked up without a lock, for it is nearly always none."""
    rows = tx.unit.rows(ACTIVE, organisation, worker, SessionPhase.ACTIVE)
    return [SessionId(row.id) for row in rows if row.wears_device and row.silence_due is None]


def listed(
    tx: Tx, organisation: OrganisationId, phases: Collection[SessionPhase], limit: int = 500
) -> list[SessionRecord]:
    """By start, soonest first."""
    where = (sessions.c.organisation == organisation, sessions.c.phase.in_(list(phases)))
    rows = tx.connection.execute(select(sessions).where(*where).order_by(sessions.c.starts_at).limit(limit))
    return [_record(row) for row in rows]


def windows(tx: Tx, organisation: OrganisationId, workers: Collection[str]) -> list[SessionWindow]:
    """What may explain an event of these workers: everything but cancelled sessions."""
    rows = chain.from_iterable(tx.unit.rows(SESSIONS, organisation, worker) for worker in workers)
    return [_window(row) for row in rows if row.phase != SessionPhase.CANCELLED]


def windows_at(tx: Tx, organisation: OrganisationId, place: str, at: datetime) -> list[SessionWindow]:
    """What may explain an event at a place then: everything there but cancelled sessions."""
    where = (
        sessions.c.organisation == organisation,
        sessions.c.place == place,
        sessions.c.phase != SessionPhase.CANCELLED,
        sessions.c.starts_at <= at + EARLY,
        or_(sessions.c.ended_at.is_(None), sessions.c.ended_at >= at),
    )
    return [_window(row) for row in tx.connection.execute(select(sessions).where(*where))]


def _window(row: Row[Any]) -> SessionWindow:
    active = row.phase == SessionPhase.ACTIVE
    return SessionWindow(
        SessionId(row.id), WorkerId(row.worker), PlaceId(row.place), row.starts_at, row.ended_at, active
    )


def _record(row: Row[Any]) -> SessionRecord:
    state = Session(
        phase=SessionPhase(row.phase),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        risk=Risk(row.risk),
        wears_device=row.wears_device,
        start_due=row.start_due,
        overrun_due=row.overrun_due,
        silence_due=row.silence_due,
    )
    return SessionRecord(
        OrganisationId(row.organisation),
        SessionId(row.id),
        WorkerId(row.worker),
        PlaceId(row.place),
        state,
        row.ended_at,
    )
