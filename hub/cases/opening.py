"""A sealed frame opened with whatever key its device may have used; :mod:`hub.domain.keys` says what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain import keys
from hub.domain.keys import Voice
from hub.store import device_keys
from protocols.ble import bthome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.store.device_keys import DeviceKeyRecord
    from hub.store.store import Tx
    from protocols.events import DeviceReport
    from protocols.ids import Address, OrganisationId


class UnknownDeviceError(Exception):
    """No device of this address was ever enrolled.

    Attributes:
        address: that was asked for.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(f"no device {address} was ever enrolled")
        self.address = address


@dataclass(frozen=True, slots=True)
class Opened:
    """A frame in words, the key that opened it, and the root key that is from."""

    report: DeviceReport
    voice: Voice
    record: DeviceKeyRecord


def open_frame(tx: Tx, organisation: OrganisationId, address: Address, frame: bytes) -> Opened:
    """Open a frame.

    Raises:
        UnknownDeviceError: nobody enrolled such a device.
        FrameError: it is damaged, or sealed under no key of this device.
        SealedError: the device's own key can't be opened.
    """
    records = device_keys.of_device(tx, organisation, address)
    if not records:
        raise UnknownDeviceError(address)
    (record, generation, key), report = bthome.decode_any(address, _keys(tx, records), frame)
    voice = Voice(record.state.enrolment, generation, keys.standing(record.state, generation), key)
    return Opened(report, voice, record)


def _keys(tx: Tx, records: Sequence[DeviceKeyRecord]) -> Iterator[tuple[tuple[DeviceKeyRecord, int, bytes], bytes]]:
    for record in records:
        for generation in keys.tried(record.state):
            key = device_keys.working(tx, record, generation)
            yield (record, generation, key), key
