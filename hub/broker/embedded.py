"""The embedded broker: amqtt, for one box and the demo, on loopback only (see docs/adr/0004)."""

from __future__ import annotations

import asyncio
import signal
from typing import Any, Final

from amqtt.broker import Broker

LOOPBACK: Final = "127.0.0.1"


def configuration(port: int) -> dict[str, Any]:
    """What amqtt is told. Loopback is not a setting: whoever can reach the port can publish."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}", "max_connections": 200}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


def run(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    broker = Broker(configuration(port))
    await broker.start()
    await stopping.wait()
    await broker.shutdown()
