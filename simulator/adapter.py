"""A Bluetooth adapter of this process, shared by its scanners and clients as BlueZ shares one.

Below it is a bumble host; below that a controller on the virtual radio, in this process or behind a TCP connection
that speaks HCI.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError
from bumble import core, hci
from bumble.device import Device, DeviceConfiguration
from bumble.transport.tcp_client import open_tcp_client_transport

if TYPE_CHECKING:
    from simulator.radio import VirtualLink

Listener = Callable[[Any], None]
"""Gets each ``HCI_LE_Advertising_Report_Event.Report`` as the controller made it."""


class Adapter:
    """Opened when first used; opened again when it is used after it was lost.

    Args:
        connect_host: connects a bumble host to its controller; raises ``OSError`` when there is none.
    """

    def __init__(self, connect_host: Callable[[], Awaitable[Any]]) -> None:
        self._connect_host = connect_host
        self._host: Any = None
        self._listeners: dict[Listener, bool] = {}
        self._scanning: bool | None = None
        self._tuning = asyncio.Lock()
        self._connecting = asyncio.Lock()

    async def listen(self, listener: Listener, *, active: bool) -> None:
        """Hand every advertisement to ``listener``; scans actively if any listener asks for it.

        Raises:
            BleakBluetoothNotAvailableError: the controller can't be reached.
        """
        async with self._tuning:
            await self._open()
            self._listeners[listener] = active
            await self._tune()

    async def unlisten(self, listener: Listener) -> None:
        """Stop; nothing happens if the adapter was lost meanwhile."""
        async with self._tuning:
            if self._listeners.pop(listener, None) is not None:
                await self._tune()

    async def connect(self, address: Any, timeout_s: float) -> Any:  # noqa: ANN401 - bumble's Address, Connection
        """A connection to a peer; one attempt at a time.

        Raises:
            TimeoutError: the peer was not heard, or did not answer, in time.
            BleakError: it is connected already.
        """
        async with self._connecting:
            host = await self._opened()
            if host.find_connection_by_bd_addr(address):
                raise BleakError(f"{address} is connected already")
            try:
                return await host.connect(address, timeout=timeout_s)
            except core.TimeoutError as late:
                raise TimeoutError(f"no connection to {address} in {timeout_s} s") from late
            except asyncio.CancelledError:
                await asyncio.shield(_give_up(host, address))
                raise

    async def _opened(self) -> Any:  # noqa: ANN401 - bumble's Device
        async with self._tuning:
            return await self._open()

    async def _open(self) -> Any:  # noqa: ANN401 - bumble's Device
        if self._host is None:
            try:
                host = await self._connect_host()
                await host.power_on()
            except (OSError, core.BaseBumbleError) as missing:
                raise BleakBluetoothNotAvailableError(
                    f"no controller: {missing}", BleakBluetoothNotAvailableReason.NO_BLUETOOTH
                ) from missing
            host.host.on("advertising_report", self._hear)
            host.once(Device.EVENT_FLUSH, self._lose)
            self._host = host
        return self._host

    def _lose(self) -> None:
        """The controller is gone. As with a real adapter, scanners are not told: they hear nothing."""
        self._host = None
        self._scanning = None
        self._listeners.clear()

    def _hear(self, report: Any) -> None:  # noqa: ANN401 - bumble's Report
        for listener in list(self._listeners):
            listener(report)

    async def _tune(self) -> None:
        wanted = any(self._listeners.values()) if self._listeners else None
        if self._host is None or wanted == self._scanning:
            return
        if self._scanning is not None:
            await self._host.stop_scanning()
        if wanted is not None:
            await self._host.start_scanning(active=wanted)
        self._scanning = wanted


async def _give_up(host: Any, address: Any) -> None:  # noqa: ANN401 - bumble's Device and Address
    """End a connection attempt nobody waits for any more, or the connection it came to."""
    with contextlib.suppress(core.BaseBumbleError):
        await host.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
    if connection := host.find_connection_by_bd_addr(address):
        await connection.disconnect()


installed: dict[str, Adapter] = {}
"""The adapters of this process by name (``hci0``); the first is the default."""


def named(name: str | None) -> Adapter:
    """An installed adapter.

    Raises:
        BleakError: there is none of that name.
    """
    if not installed or (name is not None and name not in installed):
        raise BleakError(f"no adapter {name or 'at all'}; there are {', '.join(installed) or 'none'}")
    return next(iter(installed.values())) if name is None else installed[name]


def local_adapter(link: VirtualLink, name: str, address: str) -> Adapter:
    """An adapter whose controller is in this process.

    Args:
        link: the air.
        name: of the station.
        address: random static address, ``F0:…``.
    """

    async def connect_host() -> Any:  # noqa: ANN401 - bumble's Device
        controller = link.station(name)
        configuration = DeviceConfiguration(name=name, address=hci.Address(address))
        return Device.from_config_with_hci(configuration, controller, controller)

    return Adapter(connect_host)


def hci_adapter(where: str) -> Adapter:
    """An adapter whose controller answers HCI at ``host:port``."""

    async def connect_host() -> Any:  # noqa: ANN401 - bumble's Device
        transport = await open_tcp_client_transport(where)
        return Device.from_config_with_hci(DeviceConfiguration(), transport.source, transport.sink)

    return Adapter(connect_host)
