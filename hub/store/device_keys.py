"""Root keys of devices, sealed, and how far each device has come with its working keys.

Opening a sealed key and deriving from it is kept in the process, by the sealed bytes: a frame costs no more for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from hub.domain.keys import KeyState
from hub.store.devices import DEVICES
from hub.store.lookup import Lookup
from hub.store.tables import device_keys, devices
from protocols.ble import aes, keys
from protocols.ids import Address, OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row, Select

    from hub.store.store import Tx
    from hub.store.vault import Vault

CACHED: Final = 16_384
KEYS: Final = Lookup(device_keys, "organisation", "address")


@dataclass(frozen=True, slots=True)
class DeviceKeyRecord:
    """One root key of one device.

    Attributes:
        state: what :mod:`hub.domain.keys` decides on.
        since: when it was enrolled.
        replaced_at: when a newer root key was enrolled; the device may still speak under this one.
        retired_at: from when on gateways don't hold it any more: the newer one was heard.
        ordered_at: when the ordered generation was ordered.
        rekey_from: from when on the device may be told of it: the gateways have it.
        rekeyed_at: when the device was last told.
        taken_at: when it was first heard under the generation that it has taken.
    """

    organisation: OrganisationId
    address: Address
    sealed_root: bytes = field(repr=False)
    state: KeyState
    since: datetime
    replaced_at: datetime | None = None
    retired_at: datetime | None = None
    ordered_at: datetime | None = None
    rekey_from: datetime | None = None
    rekeyed_at: datetime | None = None
    taken_at: datetime | None = None


def context(organisation: str, address: str, enrolment: int) -> str:
    """In which a root key is sealed."""
    return f"device key {organisation}/{address}/{enrolment}"


def add(tx: Tx, organisation: OrganisationId, address: Address, root: bytes) -> int:
    """A (new) root key of a device: 16 bytes. Its enrolment; any earlier one is replaced."""
    known = of_device(tx, organisation, address)
    enrolment = known[0].state.enrolment + 1 if known else 1
    still = (*_of(organisation, address), device_keys.c.replaced_at.is_(None))
    tx.connection.execute(update(device_keys).where(*still).values(replaced_at=tx.now))
    values = {
        "organisation": organisation,
        "address": address,
        "enrolment": enrolment,
        "sealed_root": tx.vault.seal(root, context(organisation, address, enrolment)),
        "generation": 0,
        "trusted_from": 0,
        "since": tx.now,
    }
    tx.connection.execute(insert(device_keys).values(**values))
    return enrolment


def of_device(tx: Tx, organisation: OrganisationId, address: str) -> list[DeviceKeyRecord]:
    """Every root key of a device, newest first."""
    known = tx.unit.rows(KEYS, organisation, address)
    revoked = any(device.revoked_at is not None for device in tx.unit.rows(DEVICES, organisation, address))
    return [_record(row, revoked=revoked) for row in sorted(known, key=attrgetter("enrolment"), reverse=True)]


def newest(tx: Tx, organisation: OrganisationId, address: str) -> DeviceKeyRecord | None:
    """The root key that counts."""
    known = of_device(tx, organisation, address)
    return known[0] if known else None


def in_use(tx: Tx, organisation: OrganisationId) -> list[DeviceKeyRecord]:
    """Every root key that a device may speak under: by address, newest first."""
    where = (device_keys.c.organisation == organisation, device_keys.c.retired_at.is_(None))
    order = (device_keys.c.address, device_keys.c.enrolment.desc())
    rows = tx.connection.execute(_select().where(*where).order_by(*order))
    return [_record(row, revoked=row.revoked_at is not None) for row in rows]


def change(tx: Tx, record: DeviceKeyRecord, **values: object) -> None:
    key = {"organisation": record.organisation, "address": record.address, "enrolment": record.state.enrolment}
    tx.unit.change(device_keys, key, values)


def working(tx: Tx, record: DeviceKeyRecord, generation: int) -> bytes:
    """The working key of a generation: 16 bytes.

    Raises:
        SealedError: the root key can't be opened.
    """
    named = context(record.organisation, record.address, record.state.enrolment)
    return _working(tx.vault, named, record.sealed_root, generation)


def root(tx: Tx, record: DeviceKeyRecord) -> bytes:
    """The root key itself.

    Raises:
        SealedError: it can't be opened.
    """
    return _root(tx.vault, context(record.organisation, record.address, record.state.enrolment), record.sealed_root)


@lru_cache(maxsize=CACHED)
def _root(vault: Vault, named: str, sealed: bytes) -> bytes:
    return vault.open(sealed, named)


@lru_cache(maxsize=CACHED)
def _working(vault: Vault, named: str, sealed: bytes, generation: int) -> bytes:
    return keys.working(aes.block(_root(vault, named, sealed)), generation)


def _of(organisation: OrganisationId, address: str) -> tuple[Any, ...]:
    return device_keys.c.organisation == organisation, device_keys.c.address == address


def _select() -> Select[Any]:
    same = (devices.c.organisation == device_keys.c.organisation) & (devices.c.address == device_keys.c.address)
    return select(device_keys, devices.c.revoked_at).join_from(device_keys, devices, same)


def _record(row: Row[Any], *, revoked: bool) -> DeviceKeyRecord:
    state = KeyState(
        row.enrolment,
        row.generation,
        row.taken_generation,
        row.trusted_from,
        replaced=row.replaced_at is not None,
        revoked=revoked,
    )
    return DeviceKeyRecord(
        OrganisationId(row.organisation),
        Address(row.address),
        row.sealed_root,
        state,
        row.since,
        row.replaced_at,
        row.retired_at,
        row.ordered_at,
        row.rekey_from,
        row.rekeyed_at,
        row.taken_at,
    )
