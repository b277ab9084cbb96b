"""What a gateway that hears a thousand devices takes of a Raspberry Pi's memory."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from benchmarks.bare import LISTENING
from benchmarks.figures import Figure
from benchmarks.places import Program, gateway_settings
from benchmarks.process import resident_mb
from benchmarks.wearers import wearers

if TYPE_CHECKING:
    from pathlib import Path

DEVICES: Final = 1_000
ROUNDS: Final = 3
REPEATS: Final = 3
PAUSE_S: Final = 12.0
"""Longer than from one digest to the next."""
_LIBRARIES: Final = "bleak, cryptography, paho.mqtt.client, prometheus_client, pydantic, sqlite3, structlog"
_BARE: Final = f"import {_LIBRARIES}; print('{LISTENING}', flush=True); input()"


def measure(folder: Path, broker_port: int) -> list[Figure]:
    """The gateway as a program of its own, connected to a broker, each device heard several times."""
    ours = [_gateway(folder / f"memory-{number}", broker_port) for number in range(REPEATS)]
    bare = [_bare(folder) for _ in range(REPEATS)]
    name = f"gateway: memory with {DEVICES:,} devices"
    return [Figure(name, "MB", ours, "Python with the same libraries, idle", bare)]


def _gateway(folder: Path, broker_port: int) -> float:
    folder.mkdir()
    people = wearers(DEVICES)
    settings = gateway_settings(folder, people, broker_port)
    command = [sys.executable, "-m", "tests.gateway.program", str(settings)]
    with Program(command, log=folder / "gateway.log", ready=LISTENING) as gateway:
        for _ in range(ROUNDS):
            for wearer in people:
                gateway.tell(f"{wearer.address} {wearer.heartbeat().hex()}")
        time.sleep(PAUSE_S)
        return resident_mb(gateway.pid)


def _bare(folder: Path) -> float:
    with Program([sys.executable, "-c", _BARE], log=folder / "bare-memory.log", ready=LISTENING) as program:
        return resident_mb(program.pid)
