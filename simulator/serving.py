"""A site's control API over HTTP, and the file that tells others where the site is."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import uvicorn
from pydantic import BaseModel, ValidationError

from simulator import control
from simulator.site import Site
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from simulator.world import World

LOOPBACK: Final = "127.0.0.1"
FILE: Final = "site.json"


class Ports(BaseModel):
    """Where a running site is.

    Attributes:
        api: URL of the page and the control API, without a slash at the end.
        smtp_port: of the mailbox, on loopback.
        hci: ``host:port`` of each gateway's controller, by the gateway's name.
    """

    api: str
    smtp_port: int
    hci: dict[str, str]


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
    _make(state)
    async with opened(Site(world, now=_now, state=state), api_port, smtp_port) as ports:
        _announce(state, ports)
        ready(ports)
        await stop.wait()
    _withdraw(state)


def _make(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)


def _announce(state: Path, ports: Ports) -> None:
    new = state / f"{FILE}.new"
    new.write_text(ports.model_dump_json(indent=2), "utf-8")
    new.replace(state / FILE)


def _withdraw(state: Path) -> None:
    (state / FILE).unlink(missing_ok=True)


def find(state: Path) -> Ports:
    """Where the site with this state directory is.

    Raises:
        SettingsError: no site runs there.
    """
    file = state / FILE
    try:
        return Ports.model_validate_json(file.read_text("utf-8"))
    except OSError as missing:
        raise SettingsError(str(file), ["no site runs here; start one with 'tocsin simulate site'"]) from missing
    except ValidationError as broken:
        raise SettingsError(str(file), ["is not what a site writes"]) from broken


def _now() -> datetime:
    return datetime.now(UTC)
