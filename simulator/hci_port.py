"""A controller of the virtual radio behind a TCP port, for a host in a process of its own.

The host may be killed at any time: its controller leaves the air with the TCP connection, and the next one to connect
finds a controller fresh from the factory.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from bumble.transport.common import StreamPacketSink, StreamPacketSource

if TYPE_CHECKING:
    from simulator.controller import RadioController
    from simulator.radio import VirtualLink

log = structlog.get_logger()


class HciPort:
    """HCI over TCP for one station; one host at a time, the newest wins.

    Args:
        link: the air.
        name: of the station.
    """

    def __init__(self, link: VirtualLink, name: str) -> None:
        self._link = link
        self._name = name
        self._server: asyncio.Server | None = None
        self._host: _Host | None = None

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 = any that is free."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Host(self), host, port)
        log.info("hci port open", station=self._name, where=self.where)

    @property
    def where(self) -> str:
        """``host:port``, for ``tocsin simulate gateway --hci``."""
        if self._server is None:
            raise RuntimeError(f"the HCI port of {self._name} is not open")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    @property
    def host_connected(self) -> bool:
        return self._host is not None

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._host is not None:
            self._host.hang_up()

    def take(self, host: _Host, sink: StreamPacketSink) -> RadioController:
        """A host has connected; whoever was there before is gone."""
        if self._host is not None:
            self._host.hang_up()
        self._host = host
        log.info("hci host connected", station=self._name)
        return self._link.station(self._name, host, sink)

    def leave(self, host: _Host) -> None:
        if self._host is host:
            self._host = None
            log.info("hci host gone", station=self._name)


class _Host(StreamPacketSource):  # type: ignore[misc]  # bumble is untyped to mypy
    """One TCP connection and the controller it drives."""

    def __init__(self, port: HciPort) -> None:
        super().__init__()
        self._port = port
        self._transport: Any = None
        self._controller: RadioController | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._controller = self._port.take(self, StreamPacketSink(transport))

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        self._power_off()
        self._port.leave(self)

    def hang_up(self) -> None:
        self._power_off()
        self._transport.abort()

    def _power_off(self) -> None:
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.power_off()
