"""The dead-man watch of a session, as far as it needs no incident."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.domain.session import Heard, SessionPhase, decide
from hub.store import faults, sessions
from hub.store.faults import FaultKind

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.sessions import SessionRecord
    from protocols.ids import OrganisationId


def again(desk: Desk, organisation: OrganisationId, session: str) -> None:
    """Watch a running session whose silence had been noticed."""
    record = sessions.get(desk.tx, organisation, session)
    if record is not None and has_fallen_silent(record):
        heard(desk, record)


def has_fallen_silent(record: SessionRecord) -> bool:
    """True when silence was noticed and is not watched for any more."""
    state = record.state
    return state.phase is SessionPhase.ACTIVE and state.wears_device and state.silence_due is None


def heard(desk: Desk, record: SessionRecord) -> None:
    """The device is there: the watch begins anew, the fault is over."""
    state, _ = decide(record.state, Heard(), now=desk.now)
    sessions.save(desk.tx, replace(record, state=state))
    faults.clear(desk.tx, record.organisation, FaultKind.DEVICE_SILENT, record.id)
