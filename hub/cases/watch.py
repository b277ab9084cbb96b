"""The watches of a session, as far as they need no incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.session import Extended, Heard, SessionPhase, SilenceDue, decide
from hub.store import devices, faults, presence, sessions
from hub.store.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

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


def look(desk: Desk, limit: int) -> int:
    """Up to ``limit`` watches for silence that have come up, of devices that were heard: they move on. How many."""
    due: dict[tuple[OrganisationId, str], datetime] = {}
    for session, (record, heard_at) in sessions.still_heard(desk.tx, limit).items():
        state, effects = decide(record.state, SilenceDue(heard_at), now=desk.now)
        if state.silence_due is not None and not effects:
            due[session] = state.silence_due
    sessions.watch_on(desk.tx, due)
    return len(due)


def silences_ahead(desk: Desk, due: Collection[tuple[OrganisationId, str]]) -> None:
    """What deciding on these sessions' silence will ask, asked once for all of them."""
    unit = desk.tx.unit
    unit.read_ahead(sessions.BY_ID, due)
    known = [record for session in due if (record := sessions.get(desk.tx, *session)) is not None]
    unit.read_ahead(devices.WORN_BY, {(record.organisation, record.worker) for record in known})
    worn = {
        (record.organisation, address)
        for record in known
        for address in devices.of_worker(desk.tx, record.organisation, record.worker)
    }
    unit.read_ahead(presence.PRESENCE, worn)
    unit.read_ahead(
        faults.OPEN, [faults.key(record.organisation, FaultKind.DEVICE_SILENT, record.id) for record in known]
    )


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
