"""A backup that stops coming is noticed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.cases import backups
from hub.store import restores
from hub.store.faults import FaultKind

if TYPE_CHECKING:
    from tests.hub.desk import Office


def overdue(office: Office) -> bool:
    office.desk(backups.look)
    return FaultKind.BACKUP_OVERDUE in {fault.kind for fault in office.faults()}


def test_a_backup_that_is_older_than_a_day_and_a_half_is_a_fault_until_the_next(office: Office) -> None:
    assert not overdue(office)
    office.store.write(lambda tx: restores.note_backup(tx, tx.now))
    office.pass_time(seconds=timedelta(hours=35).total_seconds())
    assert not overdue(office)
    office.pass_time(seconds=timedelta(hours=2).total_seconds())
    assert overdue(office)
    office.store.write(lambda tx: restores.note_backup(tx, tx.now))
    assert not overdue(office)
