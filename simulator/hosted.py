"""A site and its page on threads of their own: the world in the time it holds, the page in the machine's."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

import uvicorn

from simulator import page, site_file
from simulator.access import Access
from simulator.pacer import Pacer
from simulator.shared_time import SharedTime
from simulator.site import Site
from simulator.site_file import Ports
from simulator.stage import Stage
from simulator.virtual_time import SharedTimeLoop

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.backstage import Backstage
    from simulator.world import World

LOOPBACK: Final = "127.0.0.1"
_START_S: Final = 20.0
_GOODBYE_S: Final = 4
"""Longer than a stream takes to notice that it is over."""


class Hosted:
    """Runs until it is stopped.

    Args:
        world: as in its file.
        state: directory of the devices' epochs, the time, and ``site.json``; made if it is missing.
        backstage: what runs around the world; None = nothing that the page could move.
    """

    def __init__(self, world: World, state: Path, backstage: Backstage | None = None) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.clock = state / "time"
        self.time = SharedTime.create(self.clock)
        self._world = world
        self._site: Site | None = None
        self._backstage = backstage
        self._opened: Future[asyncio.Event] = Future()
        self._loop = SharedTimeLoop(self.time)
        self._world_thread = threading.Thread(target=self._run_world, name="world", daemon=True)
        self._server: uvicorn.Server | None = None
        self._page_thread: threading.Thread | None = None

    @property
    def site(self) -> Site:
        if self._site is None:
            raise RuntimeError("the world is not open")
        return self._site

    def start(self, api_port: int = 0, smtp_port: int = 0, host: str = LOOPBACK) -> Ports:
        """Open everything; port 0 = any that is free. Page and mailbox listen at ``host``, controllers on loopback.

        Raises:
            OSError: a port is taken.
        """
        self._smtp_port, self._host = smtp_port, host
        listening = socket.create_server((host, api_port))
        self._world_thread.start()
        self._opened.result(_START_S)
        self._serve(listening)
        ports = Ports(
            api=f"http://{LOOPBACK}:{listening.getsockname()[1]}",
            smtp_port=self.site.mailbox.port,
            hci={name: port.where for name, port in self.site.ports.items()},
            clock=str(self.clock),
        )
        site_file.write(self.state, ports)
        return ports

    def stop(self) -> None:
        site_file.remove(self.state)
        if self._server is not None and self._page_thread is not None:
            self._page.state.live.close()
            self._server.should_exit = True
            self._page_thread.join(_START_S)
        if self._world_thread.is_alive():
            self._loop.call_soon_threadsafe(self._opened.result().set)
            self._world_thread.join(_START_S)

    def _run_world(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        stop = asyncio.Event()
        try:
            self._site = Site(self._world, now=self.time.now, state=self.state)
            await self._site.open(self._smtp_port, self._host)
        except BaseException as failure:
            self._opened.set_exception(failure)
            raise
        self._opened.set_result(stop)
        await stop.wait()
        await self.site.close()

    def _serve(self, listening: socket.socket) -> None:
        stage = Stage(Access(self.site, self._loop), Pacer(self.time), self._backstage)
        self._page = page.create(stage)
        config = uvicorn.Config(self._page, log_config=None, lifespan="off", timeout_graceful_shutdown=_GOODBYE_S)
        self._server = uvicorn.Server(config)
        self._page_thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="page", daemon=True
        )
        self._page_thread.start()
