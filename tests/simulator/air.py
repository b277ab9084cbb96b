"""Stations for tests of the radio: a plain beacon with one characteristic, and ears."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bleak import BleakScanner
from bumble import hci
from bumble.att import ATT_Error, ErrorCode
from bumble.core import UUID
from bumble.device import AdvertisingType, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service

from simulator.adapter import local_adapter
from simulator.bleak_backend import installed
from simulator.radio import Everywhere, VirtualLink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from simulator.radio import Propagation, Reception

FCD2 = "0000fcd2-0000-1000-8000-00805f9b34fb"
BEACON_ADDRESS = "C0:FF:EE:00:00:01"
COUNTER = "7061c5e0-0b5e-4a4c-9d2f-6e1f5a7cff01"
LOCKED = "7061c5e0-0b5e-4a4c-9d2f-6e1f5a7cff02"
SERVICE = "7061c5e0-0b5e-4a4c-9d2f-6e1f5a7cff00"


def service_data(payload: bytes) -> bytes:
    """Flags, and service data of BTHome's UUID."""
    return bytes((2, 0x01, 0x06, len(payload) + 3, 0x16, 0xD2, 0xFC)) + payload


@dataclass
class Distances:
    """A propagation written down link by link; what is not there is out of range."""

    receptions: dict[tuple[str, str], Reception] = field(default_factory=dict)

    def between(self, sender: str, receiver: str) -> Reception | None:
        return self.receptions.get((sender, receiver)) or self.receptions.get((receiver, sender))


@dataclass
class Beacon:
    device: Any
    characteristic: Any
    written: list[bytes]

    async def say(self, data: bytes, kind: object = AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE) -> None:
        await self.device.start_advertising(kind, advertising_data=data, auto_restart=True)

    async def count(self, times: int, every_s: float) -> None:
        """Change what is advertised, once per advertising interval."""
        for number in range(times):
            data = service_data(number.to_bytes(4, "little"))
            await self.device.host.send_sync_command(hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=data))
            await asyncio.sleep(every_s)


async def beacon(
    link: VirtualLink, name: str = "beacon", address: str = BEACON_ADDRESS, interval_ms: int = 100
) -> Beacon:
    controller = link.station(name)
    configuration = DeviceConfiguration(
        name=name,
        address=hci.Address(address),
        advertising_interval_min=interval_ms,
        advertising_interval_max=interval_ms,
    )
    device = Device.from_config_with_hci(configuration, controller, controller)
    written: list[bytes] = []
    counter = _characteristic(
        COUNTER, CharacteristicValue(read=lambda _: b"\x07", write=lambda _, v: written.append(v))
    )
    locked = Characteristic(
        LOCKED, Characteristic.Properties.READ, Characteristic.READABLE, CharacteristicValue(read=_refuse)
    )
    device.add_services([Service(UUID(SERVICE), [counter, locked])])
    await device.power_on()
    return Beacon(device, counter, written)


def _refuse(_connection: object) -> bytes:
    raise ATT_Error(ErrorCode.READ_NOT_PERMITTED)


def _characteristic(uuid: str, value: object) -> object:
    properties = Characteristic.Properties
    return Characteristic(
        uuid,
        properties.READ | properties.WRITE | properties.WRITE_WITHOUT_RESPONSE | properties.NOTIFY,
        Characteristic.READABLE | Characteristic.WRITEABLE,
        value,
    )


async def supervised(link: VirtualLink) -> None:
    """Keep link supervision going."""
    while True:
        link.step(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is not ours to signal
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def air(propagation: Propagation | None = None, seed: int = 1) -> AsyncIterator[VirtualLink]:
    link = VirtualLink(propagation or Everywhere(), seed)
    adapters = {
        "hci0": local_adapter(link, "hall", "F0:00:00:00:00:01"),
        "hci1": local_adapter(link, "yard", "F0:00:00:00:00:02"),
    }
    supervision = asyncio.create_task(supervised(link))
    with installed(adapters):
        yield link
    supervision.cancel()


def listening(heard: list, adapter: str = "hci0", **bluez: object) -> BleakScanner:
    return BleakScanner(lambda device, data: heard.append((device, data)), bluez={"adapter": adapter, **bluez})
