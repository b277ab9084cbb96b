"""What ``BleakClient`` drives on the virtual radio. A GATT error is a :class:`BleakError`, as over BlueZ."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import bleak
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import core
from bumble.att import ATT_Error
from bumble.device import Peer

from simulator import adapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bleak.args import SizedBuffer
    from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
    from bleak.assigned_numbers import CharacteristicPropertyName

_MTU: Final = 247
_PROPERTIES: Final[tuple[tuple[int, CharacteristicPropertyName], ...]] = (
    (0x01, "broadcast"),
    (0x02, "read"),
    (0x04, "write-without-response"),
    (0x08, "write"),
    (0x10, "notify"),
    (0x20, "indicate"),
)


class VirtualClient(BaseBleakClient):
    """What ``BleakClient`` drives. Arguments as documented there."""

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        services: set[str] | None = None,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        bluez: BlueZClientArgs,
        **_: object,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._device = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        self._wanted = services
        self._adapter_name = bluez.get("adapter") or (self._device.details["adapter"] if self._device else None)
        self._connection: Any = None
        self._peer: Any = None
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        return (self._device and self._device.name) or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return int(self._peer.gatt_client.mtu) if self._peer else 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: FBT001, ANN401 - bleak's interface
        if self.is_connected:
            raise BleakError("Client is already connected")
        if pair:
            await self.pair()
        timeout = kwargs.get("timeout", self._timeout)
        device = self._device or await self._find(timeout)
        self._connection = await adapter.named(self._adapter_name).connect(device.details["address"], timeout)
        try:
            async with self._call(), asyncio.timeout(timeout):
                await self._set_up()
        except BaseException:
            await self.disconnect()
            raise

    async def _find(self, timeout: float) -> BLEDevice:  # noqa: ASYNC109 - bleak's interface
        bluez: BlueZScannerArgs = {"adapter": self._adapter_name} if self._adapter_name else {}
        found = await bleak.BleakScanner.find_device_by_address(self.address, timeout, bluez=bluez)
        if found is None:
            raise BleakDeviceNotFoundError(self.address, f"Device with address {self.address} was not found.")
        return found

    async def _set_up(self) -> None:
        connection = self._connection
        if connection.handle not in connection.device.connections:
            raise BleakError("the connection failed to be established")
        connection.on(connection.EVENT_DISCONNECTION, self._gone)
        self._peer = Peer(connection)
        await self._peer.request_mtu(_MTU)
        self.services = await self._discover(self._peer)

    async def _discover(self, peer: Any) -> BleakGATTServiceCollection:  # noqa: ANN401 - bumble's Peer
        found = BleakGATTServiceCollection()
        for service in await peer.discover_services():
            shown = BleakGATTService(service, service.handle, _uuid(service.uuid))
            if self._wanted is None or shown.uuid in self._wanted:
                found.add_service(shown)
                await self._discover_characteristics(found, shown)
        return found

    async def _discover_characteristics(self, found: BleakGATTServiceCollection, service: BleakGATTService) -> None:
        for characteristic in await service.obj.discover_characteristics():
            shown = BleakGATTCharacteristic(
                characteristic,
                characteristic.handle,
                _uuid(characteristic.uuid),
                [name for bit, name in _PROPERTIES if int(characteristic.properties) & bit],
                lambda: self.mtu_size - 3,
                service,
            )
            found.add_characteristic(shown)
            for descriptor in await characteristic.discover_descriptors():
                found.add_descriptor(BleakGATTDescriptor(descriptor, descriptor.handle, _uuid(descriptor.type), shown))

    def _gone(self, _reason: int) -> None:
        self._connection = self._peer = self.services = None
        self._subscribers.clear()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None or connection.handle not in connection.device.connections:
            return
        with contextlib.suppress(BleakError):
            async with _translated():
                await connection.disconnect()

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - bleak's interface
        raise BleakError("the virtual radio does not pair: nothing may depend on it")

    async def unpair(self) -> None:
        raise BleakError("the virtual radio does not pair: nothing may depend on it")

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        **_kwargs: Any,  # noqa: ANN401 - bleak's interface
    ) -> bytearray:
        async with self._call():
            return bytearray(await characteristic.obj.read_value())

    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,
        **_kwargs: Any,  # noqa: ANN401 - bleak's interface
    ) -> bytearray:
        async with self._call():
            return bytearray(await descriptor.obj.read_value())

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's interface
    ) -> None:
        async with self._call():
            await characteristic.obj.write_value(bytes(data), with_response=response)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        async with self._call():
            await descriptor.obj.write_value(bytes(data), with_response=True)

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_kwargs: Any,  # noqa: ANN401 - bleak's interface
    ) -> None:
        def hand_over(value: bytes) -> None:
            callback(bytearray(value))

        async with self._call():
            await characteristic.obj.subscribe(hand_over, prefer_notify=True)
        self._subscribers[characteristic.handle] = hand_over

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        async with self._call():
            await characteristic.obj.unsubscribe(self._subscribers.pop(characteristic.handle, None))

    def _call(self) -> contextlib.AbstractAsyncContextManager[None]:
        if self._connection is None:
            raise BleakError("Not connected")
        return _translated()


@contextlib.asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn bumble's errors into bleak's. It cancels what waits on a connection that ends; that is no cancellation."""
    try:
        yield
    except ATT_Error as refused:
        raise BleakGATTProtocolError(refused.error_code) from refused
    except core.BaseBumbleError as failed:
        raise BleakError(str(failed) or type(failed).__name__) from failed
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise BleakError("disconnected") from None


def _uuid(uuid: Any) -> str:  # noqa: ANN401 - bumble's UUID
    return normalize_uuid_str(uuid.to_hex_str("-").lower())
