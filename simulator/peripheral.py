"""The radio of a virtual alarm: advertises what its firmware says and serves its GATT.

While somebody is connected it goes on advertising, not connectable: a connection, wanted or not, never silences an
alarm. And no connection lasts longer than :data:`CONNECTION_LIMIT_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from bumble import core, hci
from bumble.core import UUID
from bumble.device import AdvertisingType, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service

from protocols.ble import gatt

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.controller import RadioController

CONNECTION_LIMIT_S: Final = 10.0
_Properties = Characteristic.Properties
_Permissions = Characteristic.Permissions


class Firmware(Protocol):
    """What the radio asks of the device behind it."""

    @property
    def advertisement(self) -> bytes: ...

    @property
    def interval_ms(self) -> int: ...

    @property
    def report(self) -> bytes: ...

    @property
    def battery_percent(self) -> int: ...

    def downlink(self, value: bytes) -> None: ...

    def alert(self, level: int) -> None: ...


class Peripheral:
    """One device's radio.

    Args:
        controller: on the virtual radio.
        address: the device's, as text.
        firmware: what it speaks for.
    """

    def __init__(self, controller: RadioController, address: str, firmware: Firmware) -> None:
        self._controller = controller
        self._firmware = firmware
        configuration = DeviceConfiguration(name=controller.name, address=hci.Address(address))
        self._device = Device.from_config_with_hci(configuration, controller, controller)
        self._report = Characteristic(
            gatt.REPORT,
            _Properties.READ | _Properties.NOTIFY,
            _Permissions.READABLE,
            CharacteristicValue(read=lambda _: firmware.report),
        )
        self._device.add_services(self._services())
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._changed = asyncio.Event()
        self._on_air: tuple[object, int] | None = None
        self._task: asyncio.Task[None] | None = None

    async def power_on(self) -> None:
        await self._device.power_on()
        self._task = asyncio.create_task(self._keep_on_air())
        self.refresh()

    def power_off(self) -> None:
        """Off the air at once, connections and all."""
        if self._task is not None:
            self._task.cancel()
        self._controller.power_off()

    def refresh(self) -> None:
        """The firmware's output has changed."""
        self._changed.set()

    def _services(self) -> list[Any]:
        firmware = self._firmware
        return [
            _service(
                gatt.SERVICE,
                _written(gatt.DOWNLINK, _Properties.WRITE | _Properties.WRITE_WITHOUT_RESPONSE, firmware.downlink),
                self._report,
            ),
            _service(gatt.BATTERY_SERVICE, _read(gatt.BATTERY_LEVEL, lambda: bytes((firmware.battery_percent,)))),
            _service(
                gatt.DEVICE_INFORMATION_SERVICE,
                _read(gatt.MANUFACTURER_NAME, lambda: b"Tocsin"),
                _read(gatt.FIRMWARE_REVISION, lambda: b"virtual"),
            ),
            _service(
                gatt.IMMEDIATE_ALERT_SERVICE,
                _written(gatt.ALERT_LEVEL, _Properties.WRITE_WITHOUT_RESPONSE, lambda value: firmware.alert(value[0])),
            ),
        ]

    def _on_connection(self, connection: Any) -> None:  # noqa: ANN401 - bumble's Connection
        limit = asyncio.get_running_loop().call_later(CONNECTION_LIMIT_S, self._hang_up, connection)
        connection.once(connection.EVENT_DISCONNECTION, lambda _: self._on_disconnection(limit))
        self._restart()

    def _on_disconnection(self, limit: asyncio.TimerHandle) -> None:
        limit.cancel()
        self._restart()

    def _restart(self) -> None:
        self._on_air = None
        self._changed.set()

    def _hang_up(self, connection: Any) -> None:  # noqa: ANN401 - bumble's Connection
        task = asyncio.get_running_loop().create_task(_disconnect(connection))
        connection.once(connection.EVENT_DISCONNECTION, lambda _: task)

    async def _keep_on_air(self) -> None:
        said = b""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._advertise()
            if said != self._firmware.report:
                said = self._firmware.report
                await self._device.notify_subscribers(self._report, said)

    async def _advertise(self) -> None:
        connectable = not self._device.connections
        kind = AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE if connectable else AdvertisingType.UNDIRECTED
        wanted = (kind, self._firmware.interval_ms)
        data = self._firmware.advertisement
        if self._on_air == wanted:
            await self._device.send_sync_command(hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=data))
            return
        self._on_air = wanted
        await self._device.start_advertising(
            kind,
            advertising_data=data,
            scan_response_data=b"",
            advertising_interval_min=wanted[1],
            advertising_interval_max=wanted[1],
        )


async def _disconnect(connection: Any) -> None:  # noqa: ANN401 - bumble's Connection
    with contextlib.suppress(core.BaseBumbleError):
        await connection.disconnect()


def _service(uuid: str, *characteristics: object) -> object:
    return Service(UUID(uuid), list(characteristics))


def _read(uuid: str, value: Callable[[], bytes]) -> object:
    return Characteristic(uuid, _Properties.READ, _Permissions.READABLE, CharacteristicValue(read=lambda _: value()))


def _written(uuid: str, properties: object, take: Callable[[bytes], None]) -> object:
    value = CharacteristicValue(write=lambda _, value: take(bytes(value)))
    return Characteristic(uuid, properties, _Permissions.WRITEABLE, value)
