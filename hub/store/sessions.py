"""Sessions as rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, or_, select, update

from hub.domain.matching import EARLY, SessionWindow
from hub.domain.session import Risk, Session, SessionPhase
from hub.store import deadlines
from hub.store.deadlines import DeadlineKind
from hub.store.lookup import Lookup
from hub.store.tables import sessions
from protocols.ids import OrganisationId, PlaceId, SessionId, WorkerId

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx

SESSIONS: Final = Lookup(sessions, "organisation", "worker")
ACTIVE: Final = Lookup(sessions, "organisation", "worker", "phase")
LOCKED: Final = Lookup(sessions, "organisation", "worker", "phase", locks=True)


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


def add(tx: Tx, record: SessionRecord) -> None:
    about = {"organisation": record.organisation, "id": record.id, "worker": record.worker, "place": record.place}
    tx.connection.execute(insert(sessions).values(**about, **_values(record)))
    _set_deadlines(tx, record)


def save(tx: Tx, record: SessionRecord) -> None:
    where = (sessions.c.organisation == record.organisation, sessions.c.id == record.id)
    tx.connection.execute(update(sessions).where(*where).values(**_values(record)))
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


def get(tx: Tx, organisation: OrganisationId, session: str) -> SessionRecord | None:
    """One session, locked until the transaction ends."""
    where = (sessions.c.organisation == organisation, sessions.c.id == session)
    row = tx.connection.execute(tx.lock(select(sessions).where(*where))).one_or_none()
    return None if row is None else _record(row)


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
