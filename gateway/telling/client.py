"""One connection to one device, in a limited time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import bleak
import structlog
from bleak.exc import BleakGATTProtocolError

from protocols.ble import gatt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bleak.backends.device import BLEDevice

    from protocols.ids import Address

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds each call may take."""

    connect_s: float = 8.0
    write_s: float = 4.0
    disconnect_s: float = 4.0


class Client(Protocol):
    """What is needed of :class:`bleak.BleakClient`."""

    async def connect(self) -> None: ...

    async def write_gatt_char(self, char_specifier: str, data: bytes, *, response: bool) -> None: ...

    async def disconnect(self) -> None: ...


class TellError(Exception):
    """A device could not be told.

    Attributes:
        address: the device's.
        call: what failed: ``unheard``, ``connect``, ``write`` or ``refused``.
        detail: what the stack said.
    """

    def __init__(self, address: Address, call: str, detail: str) -> None:
        super().__init__(f"{address}: {call}: {detail}")
        self.address = address
        self.call = call
        self.detail = detail


class RefusedError(TellError):
    """The device answered a write with an error. The connection stands, and other words may be taken."""


@asynccontextmanager
async def connected(
    address: Address, client: Client, limits: Limits
) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """A connection; its value writes one downlink.

    Raises:
        TellError: a call failed or took too long.
    """

    async def write(value: bytes) -> None:
        call = client.write_gatt_char(gatt.DOWNLINK, value, response=True)
        await _limited(address, "write", call, limits.write_s)

    try:
        await _limited(address, "connect", client.connect(), limits.connect_s)
        yield write
    finally:
        await _let_go(address, client, limits)


async def _limited(address: Address, call: str, awaitable: Awaitable[None], limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await awaitable
    except TimeoutError:
        raise TellError(address, call, f"no answer in {limit_s:g} s") from None
    except BleakGATTProtocolError as refusal:
        raise RefusedError(address, "refused", str(refusal)) from refusal
    except Exception as failure:
        raise TellError(address, call, str(failure) or type(failure).__name__) from failure


async def _let_go(address: Address, client: Client, limits: Limits) -> None:
    """Disconnect whatever happened: a device that stays connected does not advertise."""
    try:
        await _limited(address, "disconnect", client.disconnect(), limits.disconnect_s)
    except TellError as failure:
        log.warning("device not let go", address=address, error=failure.detail)


def bleak_client(device: BLEDevice, limits: Limits, arguments: dict[str, Any]) -> Client:
    """A client of the platform; bleak is looked up when it is called, so that another backend may stand in."""
    return bleak.BleakClient(device, timeout=limits.connect_s, services=[gatt.SERVICE], **arguments)
