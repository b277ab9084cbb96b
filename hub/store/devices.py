"""Personal alarms, and who wears them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, or_, select, update

from hub.domain.assigning import Period, without
from hub.domain.matching import Assignment
from hub.store.lookup import Lookup
from hub.store.tables import assignments, devices
from protocols.ids import Address, OrganisationId, WorkerId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx

DEVICES: Final = Lookup(devices, "organisation", "address")
LOCKED: Final = Lookup(devices, "organisation", "address", locks=True)
ASSIGNMENTS: Final = Lookup(assignments, "organisation", "address")
WORN_BY: Final = Lookup(assignments, "organisation", "worker")


@dataclass(frozen=True, slots=True)
class Device:
    """A personal alarm that was enrolled, ever. Its keys: :mod:`hub.store.device_keys`.

    Attributes:
        label: what people call it.
        withdrawn_at: out of use since; what it says still pages.
        revoked_at: no longer believed since; what it says still pages, unverified.
        proved_at: when the whole chain from its button to the hub was last seen to work.
    """

    organisation: OrganisationId
    address: Address
    label: str
    downlink_counter: int = 0
    withdrawn_at: datetime | None = None
    revoked_at: datetime | None = None
    proved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wearing:
    """An assignment as a row."""

    id: str
    address: Address
    worker: WorkerId
    period: Period


def add(tx: Tx, device: Device) -> None:
    tx.connection.execute(insert(devices).values(**{name: getattr(device, name) for name in device.__slots__}))


def get(tx: Tx, organisation: OrganisationId, address: str) -> Device | None:
    rows = tx.unit.rows(DEVICES, organisation, address)
    return _device(rows[0]) if rows else None


def listed(tx: Tx, organisation: OrganisationId) -> list[Device]:
    """All of them, by address."""
    where = devices.c.organisation == organisation
    return [_device(row) for row in tx.connection.execute(select(devices).where(where).order_by(devices.c.address))]


def change(tx: Tx, organisation: OrganisationId, address: str, **values: object) -> None:
    tx.connection.execute(update(devices).where(*_is(organisation, address)).values(**values))


def proved(tx: Tx, organisation: OrganisationId, address: str) -> None:
    """The whole chain from this device's button to the hub was just seen to work."""
    _overwrite(tx, organisation, address, proved_at=tx.now)


def next_downlink_counter(tx: Tx, organisation: OrganisationId, address: str) -> int:
    """A counter that no downlink to this device has had."""
    (row,) = tx.unit.rows(LOCKED, organisation, address)
    number = int(row.downlink_counter) + 1
    _overwrite(tx, organisation, address, downlink_counter=number)
    return number


def _overwrite(tx: Tx, organisation: OrganisationId, address: str, **values: object) -> None:
    for row in tx.unit.rows(LOCKED, organisation, address):
        tx.unit.put(devices, LOCKED.values(row) | values)


def assign(
    tx: Tx,
    organisation: OrganisationId,
    address: Address,
    worker: WorkerId,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """This worker, and nobody else, wears this device, and no other: from ``since`` (None = now) until ``until``.

    A device left in a drawer must not keep the worker alive.
    """
    period = Period(tx.now if since is None else max(since, tx.now), until)
    either = or_(assignments.c.address == address, assignments.c.worker == worker)
    for wearing in _wearings(tx, organisation, either):
        _leave(tx, organisation, wearing, period)
    _put(tx, organisation, address, worker, period)


def unassign(tx: Tx, organisation: OrganisationId, address: Address) -> None:
    """From now on nobody wears this device."""
    for wearing in _wearings(tx, organisation, assignments.c.address == address):
        _leave(tx, organisation, wearing, Period(tx.now, None))


def _leave(tx: Tx, organisation: OrganisationId, wearing: Wearing, taken: Period) -> None:
    """``wearing`` keeps what is left of it beside ``taken``."""
    left = list(without(wearing.period, taken))
    if left == [wearing.period]:
        return
    where = (assignments.c.organisation == organisation, assignments.c.id == wearing.id)
    if not left:
        tx.connection.execute(delete(assignments).where(*where))
        return
    first, *others = left
    tx.connection.execute(update(assignments).where(*where).values(since=first.since, until=first.until))
    for period in others:
        _put(tx, organisation, wearing.address, wearing.worker, period)


def _put(tx: Tx, organisation: OrganisationId, address: Address, worker: WorkerId, period: Period) -> None:
    who = {"organisation": organisation, "id": tx.new_id(), "address": address, "worker": worker}
    tx.connection.execute(insert(assignments).values(**who, since=period.since, until=period.until))


def _wearings(tx: Tx, organisation: OrganisationId, *where: Any) -> list[Wearing]:  # noqa: ANN401 - SQL conditions
    still = or_(assignments.c.until.is_(None), assignments.c.until > tx.now)
    rows = tx.connection.execute(select(assignments).where(assignments.c.organisation == organisation, still, *where))
    return [Wearing(row.id, Address(row.address), WorkerId(row.worker), Period(row.since, row.until)) for row in rows]


def assignments_of(tx: Tx, organisation: OrganisationId, address: str) -> list[Assignment]:
    """Who ever wore a device, or will."""
    rows = sorted(tx.unit.rows(ASSIGNMENTS, organisation, address), key=attrgetter("since"))
    return [Assignment(WorkerId(row.worker), row.since, row.until) for row in rows]


def of_worker(tx: Tx, organisation: OrganisationId, worker: str) -> list[Address]:
    """What a worker wears now."""
    rows = tx.unit.rows(WORN_BY, organisation, worker)
    return sorted(
        Address(row.address) for row in rows if row.since <= tx.now and (row.until is None or row.until > tx.now)
    )


def wearers(tx: Tx, organisation: OrganisationId) -> dict[Address, WorkerId]:
    """Who wears which device now."""
    found = _wearings(tx, organisation, assignments.c.since <= tx.now)
    return {wearing.address: wearing.worker for wearing in found}


def _is(organisation: OrganisationId, address: str) -> tuple[Any, ...]:
    return devices.c.organisation == organisation, devices.c.address == address


def _device(row: Row[Any]) -> Device:
    values = {name: getattr(row, name) for name in Device.__slots__}
    return Device(**values | {"organisation": OrganisationId(row.organisation), "address": Address(row.address)})
