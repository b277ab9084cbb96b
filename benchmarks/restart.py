"""How long after a SIGKILL the first alarm is handled: from the new process to the receipt.

With a hundred thousand sessions, and ten thousand deadlines that came up while the hub was gone.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, update

from benchmarks import crowd
from benchmarks.bare import LISTENING
from benchmarks.figures import Figure
from benchmarks.places import Program, found, hub, hub_settings
from benchmarks.wearers import check_ins, envelope, wearers
from hub.store import tables, vault
from hub.store.deadlines import DeadlineKind
from hub.store.store import Store, open_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from benchmarks.publisher import Publisher
    from benchmarks.wearers import Wearer
    from hub.store.store import Tx

SESSIONS: Final = 100_000
OPEN: Final = 10_000
REPEATS: Final = 3
WEARERS: Final = 10
_LIBRARIES: Final = "cryptography, paho.mqtt.client, pydantic, sqlalchemy.dialects.sqlite, structlog"


def measure(
    folder: Path, databases: Mapping[str, Callable[[], str]], broker_port: int, publisher: Publisher
) -> list[Figure]:
    """The hub is killed and started again, with an alarm waiting at the broker."""
    bare = [_bare(folder) for _ in range(REPEATS)]
    return [_figure(name, _starts(folder, new(), broker_port, publisher), bare) for name, new in databases.items()]


def _figure(name: str, seconds: list[float], bare: list[float]) -> Figure:
    what = f"{name}, {SESSIONS:,} sessions, {OPEN:,} deadlines due: from start to the first alarm's receipt"
    return Figure(what, "s", seconds, "Python with the same libraries, started", bare)


def _starts(folder: Path, database: str, broker_port: int, publisher: Publisher) -> list[float]:
    people = wearers(WEARERS)
    found(database, folder, people)
    with _store(folder, database) as store:
        out = crowd.Crowd(SESSIONS, crowd.now() + timedelta(hours=1))
        store.write(out.found)
        crowd.fill(store.engine, out)
        with hub(hub_settings(folder, database, broker_port)) as running:
            publisher.until_receipted(list(check_ins(people, WEARERS)))
            running.kill()
        return [_start(folder, store, database, broker_port, publisher, people[number]) for number in range(REPEATS)]


@contextmanager
def _store(folder: Path, database: str) -> Iterator[Store]:
    store = Store(open_engine(database), vault.read_or_make(folder / "hub.keys"))
    try:
        yield store
    finally:
        store.close()


def _start(folder: Path, store: Store, database: str, broker_port: int, publisher: Publisher, wearer: Wearer) -> float:
    """Seconds from the process's beginning to the receipt of an alarm that is sent as soon as it can be."""
    store.write(_come_up)
    settings = hub_settings(folder, database, broker_port)
    press = envelope(wearer, wearer.panic())
    receipted: list[float] = []

    def wait() -> None:
        publisher.reach(press)
        receipted.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    start = time.monotonic()
    waiting.start()
    with hub(settings) as running:
        waiting.join()
        running.kill()
    return receipted[0] - start


def _come_up(tx: Tx) -> None:
    """Ten thousand people should have been back a minute ago."""
    rows = [{"_of": crowd.organisation(index), "_id": crowd.session(index)} for index in range(OPEN)]
    past, up, watched = tx.now - timedelta(minutes=1), tables.deadlines, tables.sessions
    moved = update(up).where(up.c.organisation == bindparam("_of"), up.c.subject == bindparam("_id"))
    tx.connection.execute(moved.where(up.c.kind == DeadlineKind.OVERRUN).values(due_at=past), rows)
    of_them = update(watched).where(watched.c.organisation == bindparam("_of"), watched.c.id == bindparam("_id"))
    tx.connection.execute(of_them.values(overrun_due=past), rows)


def _bare(folder: Path) -> float:
    start = time.monotonic()
    program = f"import {_LIBRARIES}; print('{LISTENING}', flush=True); input()"
    with Program([sys.executable, "-c", program], log=folder / "bare-start.log", ready=LISTENING):
        return time.monotonic() - start
