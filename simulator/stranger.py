"""Somebody else's button: a plain BTHome v2 beacon that happens to be around and is nobody's alarm.

Its owner may be up to no good, and speak under the address of an alarm: what they heard of it, or what they made up.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bumble import hci
from bumble.device import AdvertisingType, Device, DeviceConfiguration

from protocols.ble.bthome import UUID_ON_AIR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocols.ids import Address
    from simulator.controller import Advertisement
    from simulator.radio import VirtualLink

_INTERVAL_MS: Final = 1000
_PRESSED_S: Final = 3.0
_TIMES: Final = 8
_EVERY_S: Final = 0.05
_FORGED: Final = 20
_MIC_SIZE: Final = 4
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
        self._link = link
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

    async def replay(self, victim: str) -> None:
        """Say again, under the address of somebody's alarm, all that was heard of it but the newest."""
        await self._say(self._link.said(victim)[:-1])

    async def forge(self, victim: str) -> None:
        """Say things under the address of somebody's alarm without having its key."""
        await self._say([_spoilt(one, number) for one in self._link.said(victim)[-1:] for number in range(_FORGED)])

    async def _say(self, advertisements: Iterable[Advertisement]) -> None:
        for advertisement in advertisements:
            for _ in range(_TIMES):
                self._link.send_advertising_pdu(self._controller, _not_connectable(advertisement))
                await asyncio.sleep(_EVERY_S)

    def _frame(self, *, pressed: bool) -> bytes:
        self._packet = (self._packet + 1) % 256
        objects = bytes((_PLAIN_WITH_TRIGGER, 0x00, self._packet, 0x3A, int(pressed)))
        return _FLAGS + bytes((3 + len(objects), 0x16)) + UUID_ON_AIR + objects


def _not_connectable(advertisement: Advertisement) -> Advertisement:
    kind = hci.HCI_LE_Advertising_Report_Event.EventType.ADV_NONCONN_IND
    return replace(advertisement, kind=kind, scan_response=b"")


def _spoilt(advertisement: Advertisement, number: int) -> Advertisement:
    """Its seal replaced by a guess."""
    guess = number.to_bytes(_MIC_SIZE, "little")
    return replace(advertisement, data=advertisement.data[:-_MIC_SIZE] + guess)
