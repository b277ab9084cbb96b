"""The Bluetooth adapter, listened to by one long-lived bleak scanner.

A Bluetooth stack can hang or raise anything at any call. Here each call has a time limit, each failure is logged and
counted, and none goes further: whether anything is heard is the watchdog's question.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import bleak
import structlog
from bleak.args.bluez import OrPattern
from bleak.assigned_numbers import AdvertisementDataType

from protocols.ble.bthome import UUID_ON_AIR
from protocols.ble.gatt import BTHOME_SERVICE_DATA

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container

    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback

    from gateway.settings import RadioSettings
    from protocols.ids import Address

log = structlog.get_logger()

CALL_LIMIT_S: Final = 10.0


class Scanner(Protocol):
    """What is needed of :class:`bleak.BleakScanner`."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Handle:
    """How to reach a device: as the stack knows it, and when it was last heard (ticks)."""

    device: BLEDevice
    heard_at: float


class Radio:
    """One adapter.

    Args:
        settings: which, and how to scan.
        expected: the addresses of which a handle is kept.
        hear: takes each advertisement: address, BTHome service data or None, RSSI; returns its ticks.
        reset: switches the adapter off and on.
        scanner: makes a scanner around a detection callback.

    Attributes:
        running: the scanner was started, as far as the stack says.
        failures: calls that failed, by call.
    """

    def __init__(
        self,
        settings: RadioSettings,
        *,
        expected: Container[Address],
        hear: Callable[[str, bytes | None, int], float],
        reset: Callable[[], Awaitable[None]],
        scanner: Callable[[RadioSettings, AdvertisementDataCallback], Scanner] | None = None,
    ) -> None:
        self._settings = settings
        self._expected = expected
        self._hear = hear
        self._reset = reset
        self._make_scanner = bleak_scanner if scanner is None else scanner
        self._scanner: Scanner | None = None
        self._handles: dict[str, Handle] = {}
        self.running = False
        self.failures: Counter[str] = Counter()

    def handle(self, address: Address) -> Handle | None:
        return self._handles.get(address)

    async def start(self) -> None:
        self.running = await self._limited("start", self._start())

    async def restart(self) -> None:
        """Stop, switch the adapter off and on, start; whatever of it fails, the next step is tried."""
        await self.stop()
        await self._limited("reset", self._reset())
        await self.start()

    async def stop(self) -> None:
        scanner, self._scanner = self._scanner, None
        self.running = False
        if scanner is not None:
            await self._limited("stop", scanner.stop())

    async def _start(self) -> None:
        self._scanner = self._make_scanner(self._settings, self._detected)
        await self._scanner.start()

    async def _limited(self, call: str, awaitable: Awaitable[None]) -> bool:
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                await awaitable
        except Exception as failure:  # noqa: BLE001 - a Bluetooth stack raises anything; hearing has to go on
            self.failures[call] += 1
            log.warning("bluetooth failed", call=call, error=str(failure) or type(failure).__name__)
            return False
        return True

    def _detected(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        address = device.address.upper()
        heard_at = self._hear(address, advertisement.service_data.get(BTHOME_SERVICE_DATA), advertisement.rssi)
        if address in self._expected:
            self._handles[address] = Handle(device, heard_at)


def bleak_scanner(settings: RadioSettings, detected: AdvertisementDataCallback) -> Scanner:
    """A scanner of the platform; bleak is looked up when it is called, so that another backend may stand in."""
    bluez: BlueZScannerArgs = {}
    if settings.adapter is not None:
        bluez["adapter"] = settings.adapter
    if settings.mode == "passive":
        bluez["or_patterns"] = [OrPattern(0, AdvertisementDataType.SERVICE_DATA_UUID16, UUID_ON_AIR)]
    return bleak.BleakScanner(detected, scanning_mode=settings.mode, bluez=bluez)


def adapter_arguments(settings: RadioSettings) -> dict[str, Any]:
    """Keyword arguments that make a :class:`bleak.BleakClient` use the same adapter."""
    return {} if settings.adapter is None else {"bluez": {"adapter": settings.adapter}}
