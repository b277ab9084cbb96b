"""Events recorded per second, with receipts and journal, against a subscriber that only counts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from benchmarks.bare import LISTENING
from benchmarks.figures import Figure
from benchmarks.places import Program, found, hub, hub_settings
from benchmarks.wearers import GATEWAYS, check_ins, wearers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.publisher import Publisher
    from benchmarks.wearers import Message

WEARERS: Final = 50
MOST: Final = 5_000
SUSTAINED_S: Final = 8.0
"""A hub is given as many check-ins as should take it this long, by the pace of its first ones; at most ``MOST``."""
WARM: Final = 200
REPEATS: Final = 3
AGAINST: Final = "bare paho-mqtt subscriber that only counts"


def measure(
    folder: Path, databases: Mapping[str, Callable[[], str]], broker_port: int, publisher: Publisher
) -> list[Figure]:
    """Check-ins of 50 wearers in their sessions, all handed over at once.

    Args:
        folder: for settings and logs.
        databases: by name, what makes an empty one (SQLAlchemy URL).
        broker_port: of a broker.
        publisher: connected to it.
    """
    people = wearers(WEARERS, GATEWAYS)
    urls = [new() for new in databases.values()]
    for url in urls:
        found(url, folder, people)

    def once() -> list[float]:
        warm, messages = list(check_ins(people, WARM)), list(check_ins(people, MOST))
        hubs = [recorded(folder, url, broker_port, publisher, warm, messages) for url in urls]
        return [*hubs, counted(folder, broker_port, publisher, warm, messages)]

    *rates, bare = zip(*[once() for _ in range(REPEATS)], strict=True)
    return [_figure(name, repeats, bare) for name, repeats in zip(databases, rates, strict=True)]


def _figure(name: str, repeats: Sequence[float], bare: Sequence[float]) -> Figure:
    return Figure(f"{name}: check-ins recorded, journalled, receipted", "events/s", repeats, AGAINST, bare)


def recorded(
    folder: Path, database: str, broker_port: int, publisher: Publisher, warm: list[Message], messages: list[Message]
) -> float:
    """Events per second by a hub, a process of its own."""
    settings = hub_settings(folder, database, broker_port)
    with hub(settings):
        publisher.reach(warm[0])
        pace = len(warm) / publisher.until_receipted(warm)
        enough = messages[: int(pace * SUSTAINED_S)]
        return len(enough) / publisher.until_receipted(enough)


def counted(
    folder: Path, broker_port: int, publisher: Publisher, warm: list[Message], messages: list[Message]
) -> float:
    """The same by a process that only counts."""
    command = [sys.executable, "-m", "benchmarks.bare", "counter", str(broker_port)]
    with Program(command, log=folder / "counter.log", ready=LISTENING):
        publisher.until_counted(warm)
        return len(messages) / publisher.until_counted(messages)
