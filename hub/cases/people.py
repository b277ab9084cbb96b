"""Workers and places edited; an organisation added and edited."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hub.cases.enrolment import AlreadyThereError
from hub.cases.sessions import UnknownReferenceError
from hub.store import directory, journal

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.directory import Organisation, Place, Worker


class ZoneError(ValueError):
    """A name that is no time zone.

    Attributes:
        what: the name.
    """

    def __init__(self, zone: str) -> None:
        super().__init__(f"not a time zone like Europe/London: {zone!r}")
        self.what = zone


def edit_worker(desk: Desk, worker: Worker, by: str) -> None:
    """What is known of a lone worker from now on.

    Raises:
        UnknownReferenceError: no such worker or supervisor.
    """
    if directory.get_worker(desk.tx, worker.organisation, worker.id) is None:
        raise UnknownReferenceError("worker", worker.id)
    if worker.supervisor and directory.get_account(desk.tx, worker.organisation, worker.supervisor) is None:
        raise UnknownReferenceError("account", worker.supervisor)
    directory.save_worker(desk.tx, worker)
    journal.append(desk.tx, worker.organisation, f"worker:{worker.id}", "edited", by=by)


def edit_place(desk: Desk, place: Place, by: str) -> None:
    """Where it is from now on, for sessions that are under way, too.

    Raises:
        UnknownReferenceError: no such place.
    """
    if directory.get_place(desk.tx, place.organisation, place.id) is None:
        raise UnknownReferenceError("place", place.id)
    directory.save_place(desk.tx, place)
    journal.append(desk.tx, place.organisation, f"place:{place.id}", "edited", by=by)


def add_organisation(desk: Desk, organisation: Organisation, by: str) -> None:
    """An organisation, with nothing in it yet.

    Raises:
        AlreadyThereError: the id is taken.
        ZoneError: there is no such zone.
    """
    _check_zone(organisation.zone)
    if directory.get_organisation(desk.tx, organisation.id) is not None:
        raise AlreadyThereError("organisation", organisation.id)
    directory.add_organisation(desk.tx, organisation)
    journal.append(desk.tx, organisation.id, "organisation", "added", by=by, detail={"zone": organisation.zone})


def edit_organisation(desk: Desk, organisation: Organisation, by: str) -> None:
    """Its name and time zone.

    Raises:
        ZoneError: there is no such zone.
    """
    _check_zone(organisation.zone)
    directory.save_organisation(desk.tx, organisation)
    journal.append(desk.tx, organisation.id, "organisation", "edited", by=by, detail={"zone": organisation.zone})


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError) as wrong:
        raise ZoneError(zone) from wrong
