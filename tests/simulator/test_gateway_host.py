from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from device import language
from simulator.site import Site
from simulator.world import World
from tests.simulator.air import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WORLD = World.model_validate(
    {
        "seed": 3,
        "air": {"loss": 0.65},
        "places": [{"name": "desk", "at": (0, 0)}],
        "gateways": [{"name": "front", "place": "desk"}],
        "people": [{"name": "alice", "place": "desk"}],
    }
)
RUN = (sys.executable, "-c", "from simulator.cli import app; app()")


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def settings(directory: Path, site: Site) -> Path:
    make = site.people["alice"].make
    (directory / "alice.key").write_text(make.working_key().hex())
    file = directory / "front.toml"
    file.write_text(
        f'organisation = "demo"\ngateway = "front"\ndata_dir = "{directory}/data"\n'
        f"[mqtt]\nport = {unused_port()}\n"
        f'[[devices]]\naddress = "{make.address}"\nkey_file = "{directory}/alice.key"\n'
    )
    return file


@contextlib.asynccontextmanager
async def gateway(hci: str, config: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(*RUN, "gateway", "--hci", hci, "--config", str(config))
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def test_the_real_gateway_hears_a_virtual_alarm_and_tells_its_wearer(tmp_path: Path) -> None:
    site = Site(WORLD, now=lambda: datetime.now(UTC))
    await site.open()
    async with gateway(site.ports["front"].where, settings(tmp_path, site)):
        alice = site.people["alice"]
        await until(lambda: site.ports["front"].host_connected, within_s=60)
        await alice.hold()
        await until(lambda: alice.core.output.led == language.HEARD, within_s=15)
    await site.close()
