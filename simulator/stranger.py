"""Somebody else's button: a plain BTHome v2 beacon that happens to be around and is nobody's alarm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from bumble import hci
from bumble.device import AdvertisingType, Device, DeviceConfiguration

from protocols.ble.bthome import UUID_ON_AIR

if TYPE_CHECKING:
    from protocols.ids import Address
    from simulator.radio import VirtualLink

_INTERVAL_MS: Final = 1000
_PRESSED_S: Final = 3.0
_FLAGS: Final = b"\x02\x01\x06"
_PLAIN_WITH_TRIGGER: Final = 0x44


class Stranger:
    """One of them.

    Args:
        name: of the station.
        address: of the beacon.
        link: the air.
    """

    def __init__(self, name: str, address: Address, link: VirtualLink) -> None:
        self.name = name
        self._controller = link.station(name)
        configuration = DeviceConfiguration(name=name, address=hci.Address(address))
        self._device: Any = Device.from_config_with_hci(configuration, self._controller, self._controller)
        self._packet = 0

    async def power_on(self) -> None:
        await self._device.power_on()
        await self._device.start_advertising(
            AdvertisingType.UNDIRECTED,
            advertising_data=self._frame(pressed=False),
            advertising_interval_min=_INTERVAL_MS,
            advertising_interval_max=_INTERVAL_MS,
        )

    def power_off(self) -> None:
        self._controller.power_off()

    async def press(self) -> None:
        """Say for a while that the button is pressed."""
        for pressed in (True, False):
            data = self._frame(pressed=pressed)
            await self._device.send_sync_command(hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=data))
            if pressed:
                await asyncio.sleep(_PRESSED_S)

    def _frame(self, *, pressed: bool) -> bytes:
        self._packet = (self._packet + 1) % 256
        objects = bytes((_PLAIN_WITH_TRIGGER, 0x00, self._packet, 0x3A, int(pressed)))
        return _FLAGS + bytes((3 + len(objects), 0x16)) + UUID_ON_AIR + objects
