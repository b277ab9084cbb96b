"""A stand-in for bleak's two classes: devices advertise when told to, and note what is written to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bleak
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from protocols.ble.gatt import BTHOME_SERVICE_DATA, DOWNLINK

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementDataCallback

    from protocols.ids import Address


class Bluetooth:
    """The air around one gateway."""

    def __init__(self) -> None:
        self.listeners: list[AdvertisementDataCallback] = []
        self.written: list[tuple[str, bytes]] = []

    def install(self) -> None:
        bleak.BleakScanner = self._scanner  # type: ignore[assignment,misc]
        bleak.BleakClient = self._client  # type: ignore[assignment,misc]

    def listen(self, listener: AdvertisementDataCallback) -> None:
        self.listeners.append(listener)

    def advertise(self, address: Address, service_data: bytes, rssi: int = -60) -> None:
        data = AdvertisementData(None, {}, {BTHOME_SERVICE_DATA: service_data}, [], None, rssi, ())
        for listener in self.listeners:
            listener(BLEDevice(address, None, {}), data)

    def _scanner(self, detected: AdvertisementDataCallback, **_: object) -> _Scanner:
        return _Scanner(self, detected)

    def _client(self, device: BLEDevice, **_: object) -> _Client:
        return _Client(self, device)


class _Scanner:
    def __init__(self, bluetooth: Bluetooth, detected: AdvertisementDataCallback) -> None:
        self._bluetooth = bluetooth
        self._detected = detected

    async def start(self) -> None:
        self._bluetooth.listen(self._detected)

    async def stop(self) -> None:
        self._bluetooth.listeners.remove(self._detected)


class _Client:
    def __init__(self, bluetooth: Bluetooth, device: BLEDevice) -> None:
        self._bluetooth = bluetooth
        self._device = device

    async def connect(self) -> None: ...

    async def write_gatt_char(self, char_specifier: str, data: bytes, *, response: bool) -> None:
        assert (char_specifier, response) == (DOWNLINK, True)
        self._bluetooth.written.append((self._device.address, data))

    async def disconnect(self) -> None: ...
