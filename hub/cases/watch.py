"""The watches of a session, as far as they need no incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.session import Extended, Heard, SessionPhase, decide
from hub.store import faults, sessions
from hub.store.faults import FaultKind

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.domain.session import SessionEvent
    from hub.store.sessions import SessionRecord
    from protocols.ids import OrganisationId

MORE_TIME: Final = timedelta(minutes=15)
"""How much longer a session may go on after an overrun was answered or dealt with."""


def rearm(desk: Desk, organisation: OrganisationId, worker: str) -> None:
    """Whatever was noticed in the worker's running sessions and has now been answered is watched for again."""
    for record in sessions.active_of(desk.tx, organisation, worker):
        after = record
        if after.state.overrun_due is None:
            after = _apply(desk, after, Extended(desk.now + MORE_TIME))
        if has_fallen_silent(after):
            after = _apply(desk, after, Heard())
        if after is not record:
            sessions.save(desk.tx, after)


def has_fallen_silent(record: SessionRecord) -> bool:
    """True when silence was noticed and is not watched for any more."""
    state = record.state
    return state.phase is SessionPhase.ACTIVE and state.wears_device and state.silence_due is None


def heard(desk: Desk, organisation: OrganisationId, session: str) -> None:
    """The device is there: its watch begins anew, the fault is over."""
    record = sessions.get(desk.tx, organisation, session)
    if record is not None and has_fallen_silent(record):
        sessions.save(desk.tx, _apply(desk, record, Heard()))


def handed_out(desk: Desk, organisation: OrganisationId, worker: str) -> None:
    """A worker got a (another) device in the middle of a session: that one is watched, from now on."""
    for record in sessions.active_of(desk.tx, organisation, worker):
        wearing = replace(record, state=replace(record.state, wears_device=True))
        sessions.save(desk.tx, _apply(desk, wearing, Heard()))


def _apply(desk: Desk, record: SessionRecord, event: SessionEvent) -> SessionRecord:
    state, _ = decide(record.state, event, now=desk.now)
    if isinstance(event, Heard):
        faults.clear(desk.tx, record.organisation, FaultKind.DEVICE_SILENT, record.id)
    return replace(record, state=state)
