"""Two hubs on one PostgreSQL: what they wait for each other's locks, and how much more they record than one."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

import psycopg
from sqlalchemy.engine import make_url

from benchmarks.figures import Figure
from benchmarks.places import Program, found
from benchmarks.wearers import GATEWAYS, check_ins, wearers
from hub.app import REPLICA
from tests.services import tocsin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from benchmarks.publisher import Publisher
    from benchmarks.wearers import Message, Wearer

WEARERS: Final = 501
WARM: Final = 200
MEASURED: Final = 1_500
REPEATS: Final = 2
EVERY_S: Final = 0.01
_LOOK: Final = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = %s AND state <> 'idle'"
)


def measure(folder: Path, new_database: Callable[[], str], broker_port: int, publisher: Publisher) -> list[Figure]:
    """Check-ins of 501 wearers, all handed over at once, to two hubs that share them and to one alone.

    Args:
        folder: for settings and logs.
        new_database: makes an empty PostgreSQL database.
        broker_port: of a broker with shared subscriptions.
        publisher: connected to it.
    """
    rounds = [
        [_recorded(folder, new_database(), broker_port, publisher, hubs) for hubs in (2, 1)] for _ in range(REPEATS)
    ]
    (both_waited, both), (one_waited, one) = (zip(*side, strict=True) for side in zip(*rounds, strict=True))
    alone = "one hub alone, the same events and database"
    return [
        Figure(
            "two hubs on PostgreSQL: time in transactions spent waiting for locks", "%", both_waited, alone, one_waited
        ),
        Figure("two hubs on PostgreSQL: check-ins recorded, journalled, receipted", "events/s", both, alone, one),
    ]


def _recorded(folder: Path, database: str, broker_port: int, publisher: Publisher, hubs: int) -> tuple[float, float]:
    """Per cent of the time waited for locks, and events per second."""
    people = wearers(WEARERS, GATEWAYS)
    found(database, folder, people)
    with ExitStack() as stack:
        for number in range(hubs):
            stack.enter_context(_hub(folder, database, broker_port, number))
        return _run(people, publisher, database)


def _run(people: list[Wearer], publisher: Publisher, database: str) -> tuple[float, float]:
    warm: list[Message] = list(check_ins(people, WARM))
    publisher.reach(warm[0])
    publisher.until_receipted(warm)
    messages = list(check_ins(people, MEASURED))
    random.Random(1).shuffle(messages)  # in turn, two hubs would never want the same wearer at once
    with Waits(database) as waits:
        took_s = publisher.until_receipted(messages)
    return waits.percent, len(messages) / took_s


def _hub(folder: Path, database: str, broker_port: int, number: int) -> Program:
    settings = folder / f"replica-{number}.toml"
    settings.write_text(
        f'database = "{database}"\nkeys_file = "{folder / "hub.keys"}"\n[mqtt]\nport = {broker_port}\n'
        "[replicas]\nshare = true\n[web]\nport = 0\n",
        "utf-8",
    )
    command = tocsin("hub", "run", "--config", str(settings))
    return Program(command, log=settings.with_suffix(".log"), ready="Application startup complete")


class Waits:
    """Looks at the database every hundredth of a second; a context.

    Attributes:
        percent: of the looks at a transaction of a hub, those that found it waiting for a lock.
    """

    def __init__(self, database: str) -> None:
        url = make_url(database)
        self._connection = psycopg.connect(
            host=url.host, port=url.port or 5432, user=url.username, dbname=url.database, autocommit=True
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._waiting = self._busy = 0

    @property
    def percent(self) -> float:
        return max(100 * self._waiting / max(self._busy, 1), 0.01)  # no ratio to nothing

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._connection.close()

    def _look(self) -> None:
        while not self._stopping.wait(EVERY_S):
            row = self._connection.execute(_LOOK, (REPLICA,)).fetchone()
            if row is not None:
                self._waiting, self._busy = self._waiting + row[0], self._busy + row[1]
