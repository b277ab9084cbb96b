"""What an organisation has: workers, places, devices and who wears them; each added once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.cases import watch
from hub.cases.device_keys import rotate_keys
from hub.cases.sessions import UnknownReferenceError
from hub.domain.assigning import Period
from hub.store import device_keys, devices, directory, journal, presence, wearers
from hub.store.devices import Device
from protocols import labels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.cases.desk import Desk
    from hub.domain.keys import KeyState
    from hub.store.directory import Place, Worker
    from hub.store.presence import Presence
    from hub.store.store import Tx
    from protocols.ids import Address, OrganisationId, WorkerId
    from protocols.labels import Label


class EnrolmentError(ValueError):
    """Something can't be enrolled or assigned as it was asked for."""


class AddressMissingError(EnrolmentError):
    """A bare key does not say of which device it is."""

    def __init__(self) -> None:
        super().__init__("a bare key needs the address of its device")


class AddressDiffersError(EnrolmentError):
    """The printed code is of another device.

    Attributes:
        printed: in the code.
        given: beside it.
    """

    def __init__(self, printed: Address, given: Address) -> None:
        super().__init__(f"the code is of {printed}, not of {given}")
        self.printed = printed
        self.given = given


class SameKeyError(EnrolmentError):
    """Enrolled anew with a key that the device has or had.

    Attributes:
        address: of the device.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(f"{address} has had this key already: a new enrolment needs a new key")
        self.address = address


class OutOfUseError(EnrolmentError):
    """A device that is withdrawn or revoked is assigned to nobody.

    Attributes:
        address: of the device.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(f"{address} is out of use")
        self.address = address


class NotWornError(EnrolmentError):
    """Nobody wears the device that is to be swapped.

    Attributes:
        address: of the device.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(f"nobody wears {address}")
        self.address = address


class AssignmentTimeError(EnrolmentError):
    """An assignment that would end before it begins.

    Attributes:
        since: when it would begin.
        until: when it would end.
    """

    def __init__(self, since: datetime, until: datetime) -> None:
        super().__init__(f"it can't end at {until.isoformat()} when it begins at {since.isoformat()}")
        self.since = since
        self.until = until


class AlreadyWearsError(EnrolmentError):
    """The worker wears another device at that time, and nobody said that it is to be replaced.

    Attributes:
        id: of the worker.
        what: they wear, by label.
        address: of the device that was to be assigned.
    """

    def __init__(self, worker: Worker, worn: Sequence[str], address: Address) -> None:
        self.id, self.what, self.address = worker.id, ", ".join(worn), address
        super().__init__(f"{worker.name} wears {self.what}; replace it?")


class AlreadyThereError(Exception):
    """Something of this id exists already.

    Attributes:
        what: worker, place or device.
        id: the id that was given.
    """

    def __init__(self, what: str, number: str) -> None:
        super().__init__(f"there is {'an' if what[0] in 'aeiou' else 'a'} {what} {number} already")
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


def enrol_device(
    desk: Desk,
    organisation: OrganisationId,
    text: str,
    label: str,
    by: str,
    *,
    address: Address | None = None,
    anew: bool = False,
) -> Device:
    """A personal alarm with its root key.

    Args:
        desk: the transaction.
        organisation: whose it is from now on.
        text: what is printed on it: the QR code's content or the typed code; or the bare key in hexadecimal.
        label: what people call it; empty = its address.
        by: who enrols it.
        address: needed with a bare key; with a printed code it must be the same.
        anew: it is known and has been given another key. It is believed under the new one alone.

    Raises:
        LabelError: the text has a mistake.
        AddressMissingError: a bare key without an address.
        AddressDiffersError: the code is of another device.
        AlreadyThereError: the address is taken, and this is not ``anew``.
        SameKeyError: ``anew``, but it is the key that it has.
    """
    read = labels.read(text)
    known_as = _address(read, address)
    known = devices.get(desk.tx, organisation, known_as)
    if known is not None:
        if not anew:
            raise AlreadyThereError("device", known_as)
        return _renew(desk, known, read.key, by)
    device = Device(organisation, known_as, label or known_as)
    devices.add(desk.tx, device)
    device_keys.add(desk.tx, organisation, known_as, read.key)
    journal.append(desk.tx, organisation, _chain(known_as), "enrolled", by=by)
    return device


def _address(read: Label, given: Address | None) -> Address:
    if read.address is None and given is None:
        raise AddressMissingError
    if read.address is not None and given is not None and read.address != given:
        raise AddressDiffersError(read.address, given)
    return read.address or given  # type: ignore[return-value]  # one of them is there


def _renew(desk: Desk, device: Device, key: bytes, by: str) -> Device:
    for earlier in device_keys.of_device(desk.tx, device.organisation, device.address):
        if device_keys.root(desk.tx, earlier) == key:
            raise SameKeyError(device.address)
    enrolment = device_keys.add(desk.tx, device.organisation, device.address, key)
    devices.change(desk.tx, device.organisation, device.address, revoked_at=None, withdrawn_at=None)
    detail = {"enrolment": str(enrolment)}
    journal.append(desk.tx, device.organisation, _chain(device.address), "enrolled anew", by=by, detail=detail)
    return dataclasses.replace(device, revoked_at=None, withdrawn_at=None)


def assign(
    desk: Desk,
    organisation: OrganisationId,
    address: Address,
    worker: WorkerId,
    by: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    replace: bool = False,
) -> None:
    """This worker, and nobody else, wears this device, and no other: from ``since`` (None = now) until ``until``.

    Args:
        desk: the transaction.
        organisation: whose device and worker.
        address: of the device.
        worker: who wears it.
        by: who assigns it.
        since: when that begins.
        until: when that ends; None = never.
        replace: another device that they wear at that time goes back to the pool. Its alarms still count as theirs
            until this one is heard (:mod:`hub.cases.handover`).

    Raises:
        UnknownReferenceError: no such device or worker.
        OutOfUseError: the device is withdrawn or revoked.
        AssignmentTimeError: it would end before it begins.
        AlreadyWearsError: they wear another one, and this is not ``replace``.
    """
    device = known_device(desk.tx, organisation, address)
    if device.withdrawn_at is not None or device.revoked_at is not None:
        raise OutOfUseError(address)
    wearer = directory.get_worker(desk.tx, organisation, worker)
    if wearer is None:
        raise UnknownReferenceError("worker", worker)
    begins = desk.now if since is None else max(since, desk.now)
    if until is not None and until <= begins:
        raise AssignmentTimeError(begins, until)
    if not replace:
        _refuse_second(desk, wearer, address, Period(begins, until))
    devices.assign(desk.tx, organisation, address, worker, begins, until)
    detail = {"worker": worker, "since": begins.isoformat()} | ({} if until is None else {"until": until.isoformat()})
    journal.append(desk.tx, organisation, _chain(address), "assigned", by=by, detail=detail)
    if begins <= desk.now:
        watch.handed_out(desk, organisation, worker)


def _refuse_second(desk: Desk, worker: Worker, address: Address, period: Period) -> None:
    worn = wearers.worn_during(desk.tx, worker.organisation, worker.id, period)
    known = [devices.get(desk.tx, worker.organisation, other) for other in worn if other != address]
    if known:
        raise AlreadyWearsError(worker, [other.label for other in known if other is not None], address)


def unassign(desk: Desk, organisation: OrganisationId, address: Address, by: str) -> None:
    """From now on nobody wears it: it lies in the pool.

    Raises:
        UnknownReferenceError: no such device.
    """
    known_device(desk.tx, organisation, address)
    devices.unassign(desk.tx, organisation, address)
    journal.append(desk.tx, organisation, _chain(address), "unassigned", by=by)


def swap(desk: Desk, organisation: OrganisationId, old: Address, new: Address, by: str) -> WorkerId:
    """Whoever wears ``old`` wears ``new`` from now on, for as long as they would have worn it; who it is.

    Raises:
        UnknownReferenceError: no such device.
        OutOfUseError: ``new`` is withdrawn or revoked.
        NotWornError: nobody wears ``old``.
    """
    known_device(desk.tx, organisation, old)
    worn = [one for one in devices.assignments_of(desk.tx, organisation, old) if one.covers(desk.now)]
    if not worn:
        raise NotWornError(old)
    assign(desk, organisation, new, worn[0].worker, by, until=worn[0].until, replace=True)
    journal.append(desk.tx, organisation, _chain(old), "swapped", by=by, detail={"for": new})
    return worn[0].worker


def withdraw(desk: Desk, organisation: OrganisationId, address: Address, by: str) -> None:
    """Out of use. Gateways keep its key: should somebody press it, it still pages.

    Raises:
        UnknownReferenceError: no such device.
    """
    known_device(desk.tx, organisation, address)
    devices.unassign(desk.tx, organisation, address)
    devices.change(desk.tx, organisation, address, withdrawn_at=desk.now)
    journal.append(desk.tx, organisation, _chain(address), "withdrawn", by=by)


def revoke_device(desk: Desk, organisation: OrganisationId, address: Address, by: str) -> None:
    """Its key leaves the gateways and proves nothing any more. An alarm under it that still comes in pages, marked.

    Raises:
        UnknownReferenceError: no such device.
    """
    known_device(desk.tx, organisation, address)
    devices.unassign(desk.tx, organisation, address)
    devices.change(desk.tx, organisation, address, revoked_at=desk.now)
    journal.append(desk.tx, organisation, _chain(address), "revoked", by=by)


def rekey_device(desk: Desk, organisation: OrganisationId, address: Address, by: str, *, suspect: bool = False) -> None:
    """Order the next working key for one device.

    Raises:
        UnknownReferenceError: no such device.
        NoMoreGenerationsError: it has had them all.
    """
    known_device(desk.tx, organisation, address)
    rotate_keys(desk, organisation, [address], "asked for", by, suspect=suspect)


@dataclass(frozen=True, slots=True)
class DeviceShown:
    """A device with what people want to know of it; no key.

    Attributes:
        worker: who wears it now.
        seen: its newest sign of life.
        key: how far it has come with its keys.
    """

    device: Device
    worker: WorkerId | None
    seen: Presence | None
    key: KeyState | None


def devices_shown(tx: Tx, organisation: OrganisationId) -> list[DeviceShown]:
    """All devices of an organisation, by address."""
    worn, seen = devices.wearers(tx, organisation), presence.of_devices(tx, organisation)
    held: dict[Address, KeyState] = {}
    for record in device_keys.in_use(tx, organisation):
        held.setdefault(record.address, record.state)
    return [
        DeviceShown(device, worn.get(device.address), seen.get(device.address), held.get(device.address))
        for device in devices.listed(tx, organisation)
    ]


def known_device(tx: Tx, organisation: OrganisationId, address: Address) -> Device:
    """One device.

    Raises:
        UnknownReferenceError: there is none of this address.
    """
    device = devices.get(tx, organisation, address)
    if device is None:
        raise UnknownReferenceError("device", address)
    return device


def _chain(address: Address) -> str:
    return f"device:{address}"
