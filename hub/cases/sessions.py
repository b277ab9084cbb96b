"""Sessions: logged, started, watched, extended, ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases import incidents, notify
from hub.domain.incident import Kind, Phase, Raised, Withdrawn
from hub.domain.matching import Match, Verdict
from hub.domain.session import (
    Cancelled,
    Ended,
    Extended,
    OverrunDue,
    Risk,
    SessionEffect,
    SessionPhase,
    SessionTooFarError,
    SilenceDue,
    Started,
    decide,
    plan,
)
from hub.store import devices, directory, faults, journal, presence, sessions
from hub.store import incidents as incident_rows
from hub.store.faults import FaultKind
from hub.store.sessions import SessionRecord
from protocols.ids import PlaceId, SessionId, WorkerId

if TYPE_CHECKING:
    from datetime import datetime

    from hub.cases.desk import Desk
    from hub.domain.session import SessionEvent
    from protocols.ids import OrganisationId

AHEAD: Final = timedelta(days=366)
"""A session planned further ahead is a mistake in its times."""


class UnknownReferenceError(LookupError):
    """Something named that does not exist in this organisation.

    Attributes:
        what: session, worker or place.
        id: the id that was given.
    """

    def __init__(self, what: str, number: str) -> None:
        super().__init__(f"no {what} {number}")
        self.what = what
        self.id = number


@dataclass(frozen=True, slots=True)
class NewSession:
    """What is asked for; ``start_now`` begins it at once."""

    worker: str
    place: str
    starts_at: datetime
    ends_at: datetime
    risk: Risk
    start_now: bool = False


def log(desk: Desk, organisation: OrganisationId, new: NewSession, by: str | None) -> SessionRecord:
    """Log a session.

    Raises:
        UnknownReferenceError: no such worker or place.
        SessionTimeError: it would end before it starts.
    """
    if directory.get_worker(desk.tx, organisation, new.worker) is None:
        raise UnknownReferenceError("worker", new.worker)
    if directory.get_place(desk.tx, organisation, new.place) is None:
        raise UnknownReferenceError("place", new.place)
    wears = bool(devices.of_worker(desk.tx, organisation, new.worker))
    if new.starts_at > desk.now + AHEAD:
        raise SessionTooFarError(new.starts_at, new.ends_at, desk.now + AHEAD)
    state = plan(new.starts_at, new.ends_at, new.risk, wears_device=wears)
    ids = SessionId(desk.tx.new_id()), WorkerId(new.worker), PlaceId(new.place)
    record = SessionRecord(organisation, *ids, state)
    sessions.add(desk.tx, record)
    _note(desk, record, "logged", by, {"risk": new.risk, "ends_at": new.ends_at.isoformat()})
    return start(desk, organisation, record.id, by) if new.start_now else record


def get(desk: Desk, organisation: OrganisationId, session: str) -> SessionRecord:
    """One session.

    Raises:
        UnknownReferenceError: there is none of this id.
    """
    record = sessions.get(desk.tx, organisation, session)
    if record is None:
        raise UnknownReferenceError("session", session)
    return record


def apply(desk: Desk, record: SessionRecord, event: SessionEvent) -> SessionRecord:
    """Decide on one event, save, write it down, and carry out what follows.

    Raises:
        SessionError, SessionTimeError: the session does not allow it.
    """
    state, effects = decide(record.state, event, now=desk.now)
    ended_at = desk.now if state.phase is SessionPhase.ENDED else record.ended_at
    after = replace(record, state=state, ended_at=ended_at)
    sessions.save(desk.tx, after)
    for effect in effects:
        _carry_out(desk, after, effect)
    return after


def start(desk: Desk, organisation: OrganisationId, session: str, by: str | None) -> SessionRecord:
    """Begin it now."""
    record = get(desk, organisation, session)
    _note(desk, record, "started", by)
    return _begin(desk, record)


def _begin(desk: Desk, record: SessionRecord) -> SessionRecord:
    """Whether there is a device to watch is decided by what the worker wears now, not when it was planned."""
    wears = bool(devices.of_worker(desk.tx, record.organisation, record.worker))
    return apply(desk, replace(record, state=replace(record.state, wears_device=wears)), Started())


def end(desk: Desk, organisation: OrganisationId, session: str, by: str | None) -> SessionRecord:
    """It is over; a question about silence or overrun is withdrawn, a red alert is not."""
    record = get(desk, organisation, session)
    _note(desk, record, "ended", by)
    after = apply(desk, record, Ended())
    _withdraw_question(desk, record, "the session was ended")
    return after


def extend(desk: Desk, organisation: OrganisationId, session: str, ends_at: datetime, by: str | None) -> SessionRecord:
    """It takes longer."""
    record = get(desk, organisation, session)
    _note(desk, record, "extended", by, {"ends_at": ends_at.isoformat()})
    after = apply(desk, record, Extended(ends_at))
    _withdraw_question(desk, record, "the session was extended", only=Kind.OVERRUN)
    return after


def cancel(desk: Desk, organisation: OrganisationId, session: str, by: str | None) -> SessionRecord:
    """It will not take place."""
    record = get(desk, organisation, session)
    _note(desk, record, "cancelled", by)
    return apply(desk, record, Cancelled())


def answered(desk: Desk, organisation: OrganisationId, worker: str, gateway: str, observed_at: datetime) -> None:
    """The worker checked in from the device. It answers what was asked before, not what was asked since."""
    for record in sessions.active_of(desk.tx, organisation, worker):
        _note(desk, record, "check-in", None, {"gateway": gateway, "observed": observed_at.isoformat()})
    live = incident_rows.live(desk.tx, organisation, incidents.of_worker(worker))
    if live is not None and live.state.kind in {Kind.OVERRUN, Kind.SILENCE} and observed_at >= live.opened_at:
        incidents.apply(desk, live, Withdrawn("the worker checked in"))


def start_due(desk: Desk, organisation: OrganisationId, session: str) -> None:
    """Its time has come."""
    record = get(desk, organisation, session)
    if record.state.start_due is not None and record.state.start_due <= desk.now:
        _note(desk, record, "started", None)
        _begin(desk, record)


def overrun_due(desk: Desk, organisation: OrganisationId, session: str) -> None:
    """The worker should have been back."""
    record = get(desk, organisation, session)
    if record.state.overrun_due is not None and record.state.overrun_due <= desk.now:
        _note(desk, record, "overrun", None)
        apply(desk, record, OverrunDue())


def silence_due(desk: Desk, organisation: OrganisationId, session: str) -> None:
    """Has the device been heard lately? Only now is looked."""
    record = get(desk, organisation, session)
    if record.state.silence_due is not None and record.state.silence_due <= desk.now:
        apply(desk, record, SilenceDue(_last_heard(desk, record)))


def _last_heard(desk: Desk, record: SessionRecord) -> datetime | None:
    heard = [
        presence.of_device(desk.tx, record.organisation, address)
        for address in devices.of_worker(desk.tx, record.organisation, record.worker)
    ]
    return max((one.heard_at for one in heard if one is not None), default=None)


def _carry_out(desk: Desk, record: SessionRecord, effect: SessionEffect) -> None:
    if effect is SessionEffect.RAISE_OVERRUN:
        _raise(desk, record, Kind.OVERRUN, "the session has overrun")
    elif effect is SessionEffect.RAISE_SILENCE:
        _note(desk, record, "silent", None)
        _raise(desk, record, Kind.SILENCE, "the device is silent in a high-risk session")
    elif effect is SessionEffect.FAULT_SILENCE:
        _note(desk, record, "silent", None)
        detail = f"the device of {record.worker} has not been heard; session {record.id}"
        notify.fault(desk, record.organisation, FaultKind.DEVICE_SILENT, record.id, detail)
    else:
        faults.clear(desk.tx, record.organisation, FaultKind.DEVICE_SILENT, record.id)


def _raise(desk: Desk, record: SessionRecord, kind: Kind, reason: str) -> None:
    worn = devices.of_worker(desk.tx, record.organisation, record.worker)
    match = Match(Verdict.MATCHED, record.worker, record.id, record.place, (reason,))
    about = incidents.About(
        record.organisation,
        incidents.of_worker(record.worker),
        match,
        desk.now,
        address=worn[0] if worn else None,
    )
    incidents.raise_(desk, about, Raised(kind))


def _withdraw_question(desk: Desk, record: SessionRecord, why: str, only: Kind | None = None) -> None:
    live = incident_rows.live(desk.tx, record.organisation, incidents.of_worker(record.worker))
    if live is None or live.state.phase is not Phase.PENDING or live.match.session != record.id:
        return
    questions = {Kind.OVERRUN, Kind.SILENCE} if only is None else {only}
    if live.state.kind in questions:
        incidents.apply(desk, live, Withdrawn(why))


def _note(desk: Desk, record: SessionRecord, action: str, by: str | None, detail: dict[str, str] | None = None) -> None:
    journal.append(desk.tx, record.organisation, record.id, action, by=by, detail=detail)
