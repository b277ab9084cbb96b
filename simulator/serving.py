"""A site's control API over HTTP, for as long as the site runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import uvicorn

from simulator import control, site_file
from simulator.site import Site
from simulator.site_file import Ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from simulator.world import World

LOOPBACK: Final = "127.0.0.1"


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def opened(site: Site, api_port: int = 0, smtp_port: int = 0) -> AsyncIterator[Ports]:
    """A site with its ports open; port 0 = any that is free."""
    with socket.create_server((LOOPBACK, api_port)) as listening:
        server = _Server(uvicorn.Config(control.create(site), log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await site.open(smtp_port)
            url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
            yield Ports(
                api=url, smtp_port=site.mailbox.port, hci={name: port.where for name, port in site.ports.items()}
            )
        finally:
            server.should_exit = True
            await serving
            await site.close()


async def serve(
    world: World,
    state: Path,
    *,
    api_port: int = 0,
    smtp_port: int = 0,
    ready: Callable[[Ports], None] = lambda _: None,
) -> None:
    """Run a world until SIGTERM or SIGINT.

    Args:
        world: as in its file.
        state: directory of the devices' epochs and of ``site.json``; made if it is missing.
        api_port: of the control API; 0 = any that is free.
        smtp_port: of the mailbox; 0 = any that is free.
        ready: called once all ports are open.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    site_file.make_directory(state)
    async with opened(Site(world, now=_now, state=state), api_port, smtp_port) as ports:
        site_file.write(state, ports)
        ready(ports)
        await stop.wait()
    site_file.remove(state)


def _now() -> datetime:
    return datetime.now(UTC)
