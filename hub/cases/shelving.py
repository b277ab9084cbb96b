"""Putting a fault out of sight for a time. Only faults: an alert can't be shelved."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases.sessions import UnknownReferenceError
from hub.store import faults, journal

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from protocols.ids import OrganisationId

LONGEST: Final = timedelta(days=7)
"""After that somebody has to look again."""


def shelve(desk: Desk, organisation: OrganisationId, fault: str, by: str, why: str, length: timedelta) -> None:
    """Shelve an open fault for ``length`` (at most :data:`LONGEST`).

    Raises:
        UnknownReferenceError: there is no such open fault.
    """
    length = min(length, LONGEST)
    if not faults.shelve(desk.tx, organisation, fault, desk.now + length, by, why):
        raise UnknownReferenceError("fault", fault)
    detail = {"minutes": str(int(length.total_seconds()) // 60), "why": why}
    journal.append(desk.tx, organisation, f"fault:{fault}", "shelved", by=by, detail=detail)
