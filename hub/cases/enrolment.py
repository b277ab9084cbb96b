"""What an organisation has: workers, places, devices and who wears them; each added once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.cases.sessions import UnknownReferenceError
from hub.store import directory, journal

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.directory import Device, Place, Worker
    from protocols.ids import Address, OrganisationId, WorkerId


class AlreadyThereError(Exception):
    """Something of this id exists already.

    Attributes:
        what: worker, place or device.
        id: the id that was given.
    """

    def __init__(self, what: str, number: str) -> None:
        super().__init__(f"there is a {what} {number} already")
        self.what = what
        self.id = number


def add_worker(desk: Desk, worker: Worker, by: str) -> None:
    """A lone worker.

    Raises:
        AlreadyThereError: the id is taken.
        UnknownReferenceError: no such supervisor.
    """
    if directory.get_worker(desk.tx, worker.organisation, worker.id) is not None:
        raise AlreadyThereError("worker", worker.id)
    if worker.supervisor and directory.get_account(desk.tx, worker.organisation, worker.supervisor) is None:
        raise UnknownReferenceError("account", worker.supervisor)
    directory.add_worker(desk.tx, worker)
    journal.append(desk.tx, worker.organisation, f"worker:{worker.id}", "added", by=by)


def add_place(desk: Desk, place: Place, by: str) -> None:
    """A place where sessions can be.

    Raises:
        AlreadyThereError: the id is taken.
    """
    if directory.get_place(desk.tx, place.organisation, place.id) is not None:
        raise AlreadyThereError("place", place.id)
    directory.add_place(desk.tx, place)
    journal.append(desk.tx, place.organisation, f"place:{place.id}", "added", by=by)


def add_device(desk: Desk, device: Device, by: str) -> None:
    """A personal alarm with its key.

    Raises:
        AlreadyThereError: the address is taken.
    """
    if directory.get_device(desk.tx, device.organisation, device.address) is not None:
        raise AlreadyThereError("device", device.address)
    directory.add_device(desk.tx, device)
    journal.append(desk.tx, device.organisation, f"device:{device.address}", "added", by=by)


def assign(desk: Desk, organisation: OrganisationId, address: Address, worker: WorkerId, by: str) -> None:
    """From now on this worker, and nobody else, wears this device.

    Raises:
        UnknownReferenceError: no such device or worker.
    """
    if directory.get_device(desk.tx, organisation, address) is None:
        raise UnknownReferenceError("device", address)
    if directory.get_worker(desk.tx, organisation, worker) is None:
        raise UnknownReferenceError("worker", worker)
    directory.assign(desk.tx, organisation, address, worker)
    journal.append(desk.tx, organisation, f"device:{address}", "assigned", by=by, detail={"worker": worker})
