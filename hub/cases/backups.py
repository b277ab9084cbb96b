"""A nightly backup that stops coming is noticed by the hub itself: nobody looks at a timer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases import notify
from hub.store import directory, faults, restores
from hub.store.faults import FaultKind

if TYPE_CHECKING:
    from hub.cases.desk import Desk

OVERDUE: Final = timedelta(hours=36)
"""A night was missed."""
HUB: Final = "hub"


def look(desk: Desk) -> None:
    """Tell of backups that were made and are made no more. That none was ever made is the doctor's to say."""
    at = restores.backed_up_at(desk.tx)
    if at is None:
        return
    detail = (
        f"the last whole backup was taken {at.isoformat(timespec='minutes')}: on the hub's machine see "
        "'systemctl status tocsin-backup', and run 'tocsin hub backup'"
    )
    for organisation in directory.all_organisations(desk.tx):
        if desk.now - at > OVERDUE:
            notify.fault(desk, organisation.id, FaultKind.BACKUP_OVERDUE, HUB, detail)
        else:
            faults.clear(desk.tx, organisation.id, FaultKind.BACKUP_OVERDUE, HUB)
