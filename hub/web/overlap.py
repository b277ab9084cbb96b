"""A session logged twice would leave every later alarm of its worker without a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.domain.session import SessionPhase
from hub.store import directory, sessions

if TYPE_CHECKING:
    from datetime import datetime

    from hub.cases.desk import Desk
    from hub.cases.sessions import NewSession
    from hub.store.sessions import SessionRecord
    from protocols.ids import OrganisationId

_LIVE: Final = (SessionPhase.ACTIVE, SessionPhase.PLANNED)
_MOST: Final = 100_000
"""Live sessions of an organisation that are looked through."""


class OverlapError(Exception):
    """The worker has a session at that time already.

    Attributes:
        id: of that session.
        phase: under way or planned.
        ends_at: its expected end.
    """

    def __init__(self, record: SessionRecord) -> None:
        state = record.state
        stands = "under way" if state.phase is SessionPhase.ACTIVE else "planned"
        super().__init__(
            f"{record.worker} has a session {stands} at that time: session {record.id}, until "
            f"{state.ends_at.isoformat(timespec='minutes')}. With two at once, the place of an alarm is not known: "
            "end, extend or cancel that one, or say that you mean both"
        )
        self.id = record.id
        self.phase = state.phase
        self.ends_at = state.ends_at


def refuse(desk: Desk, organisation: OrganisationId, new: NewSession) -> None:
    """Let no session pass that overlaps another one of its worker. Nobody else logs one for them meanwhile.

    Raises:
        OverlapError: it does.
    """
    directory.hold_worker(desk.tx, organisation, new.worker)
    live = sessions.listed(desk.tx, organisation, _LIVE, limit=_MOST)
    for record in live:
        if record.worker == new.worker and _overlap(record, new, desk.now):
            raise OverlapError(record)


def _overlap(record: SessionRecord, new: NewSession, now: datetime) -> bool:
    """A session that is under way goes on until somebody ends it, however late it is."""
    state = record.state
    ends_at = max(state.ends_at, now) if state.phase is SessionPhase.ACTIVE else state.ends_at
    return new.starts_at <= ends_at and state.starts_at <= new.ends_at
