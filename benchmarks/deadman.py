"""A million devices watched by one hub: what watching costs, and how late a silence is noticed.

All are in sessions of normal risk, and the hub has no way to send mail: that somebody is to be told is in the database,
and that is where it ends.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from statistics import quantiles
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select, update

from benchmarks import crowd
from benchmarks.figures import Figure
from benchmarks.places import hub, hub_settings
from benchmarks.process import resident_mb
from hub.app import IDLE_S
from hub.cases.desk import Routes
from hub.metrics import HubMetrics
from hub.store import schema, tables, vault
from hub.store.deadlines import DeadlineKind
from hub.store.faults import FaultKind
from hub.store.store import Store, open_engine
from hub.ticker import Ticker
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import ColumnElement, Table, Update

    from hub.store.store import Tx

PEOPLE: Final = int(os.environ.get("TOCSIN_BENCH_DEVICES", "1000000"))
AT_ONCE: Final = 10_000
SILENT: Final = 500
"""Devices that fall silent one after another while the others are heard, to see how late that is noticed."""
WATCHED_S: Final = 20.0
SETTLED_S: Final = 40.0
"""A hub that has just started believes nobody's silence for half a minute."""
LIMIT_S: Final = 300.0
_PART: Final = 200
"""Rows written together: a hub that could not write for five seconds would believe nobody's silence."""
WARM: Final = 40
TICKS: Final = 50


@dataclass(frozen=True, slots=True)
class _Run:
    """What one hub did.

    Attributes:
        tick_ms: of ticks at which nothing was due.
        bare_ms: of asking the same table for its earliest deadline, by the driver alone.
        memory_mb: resident.
        late_s: how late each single silence was noticed.
        at_once_s: from when the last of many was due to when all were handled.
        moved_s: bare: the same rows rewritten in one statement.
    """

    tick_ms: list[float]
    bare_ms: list[float]
    memory_mb: float
    late_s: list[float]
    at_once_s: float
    moved_s: float


def measure(folder: Path, databases: Mapping[str, Callable[[], str]], broker_port: int) -> list[Figure]:
    """One hub process per database; everybody is out when it starts."""
    bare = _memory_of_an_idle_hub(folder, broker_port)
    return [
        figure for name, new in databases.items() for figure in _figures(name, _run(folder, new(), broker_port), bare)
    ]


def _figures(name: str, run: _Run, idle_mb: float) -> list[Figure]:
    watched = f"{name}, {PEOPLE:,} devices watched"
    late = quantiles(run.late_s, n=100, method="inclusive")[-1]
    rewritten = f"{AT_ONCE:,} deadlines moved by one bare statement each table"
    return [
        Figure(
            f"{watched}: a tick with nothing due", "ms", run.tick_ms, "the earliest deadline asked for", run.bare_ms
        ),
        Figure(f"{watched}: memory of the hub", "MB", [run.memory_mb], "a hub that watches nobody", [idle_mb]),
        Figure(
            f"{watched}: silence (normal risk) noticed after it was due, p99",
            "s",
            [late],
            "how often a hub looks",
            [IDLE_S],
        ),
        Figure(
            f"{watched}: {AT_ONCE:,} silent in one second (normal risk), all recorded, no mail sent",
            "s",
            [run.at_once_s],
            rewritten,
            [run.moved_s],
        ),
    ]


def _memory_of_an_idle_hub(folder: Path, broker_port: int) -> float:
    place = folder / "deadman-idle"
    place.mkdir()
    with hub(hub_settings(place, f"sqlite:///{place / 'hub.db'}", broker_port)) as program:
        return resident_mb(program.pid)


def _run(folder: Path, database: str, broker_port: int) -> _Run:
    with _store(folder, database) as store:
        people = crowd.Crowd(PEOPLE, crowd.now() + crowd.time_to_fill(store.engine, PEOPLE))
        store.write(people.found)
        crowd.fill(store.engine, people)
        ticks = _idle(store, people.now - timedelta(hours=1))
        time.sleep(max(0.0, (people.now - crowd.now()).total_seconds()))
        with hub(hub_settings(folder, database, broker_port)) as program:
            time.sleep(SETTLED_S)
            pace_s, late_s = _one_by_one(store)
            memory_mb = resident_mb(program.pid)
            return _Run(*ticks, memory_mb, late_s, *_all_at_once(store, pace_s))


@contextmanager
def _store(folder: Path, database: str) -> Iterator[Store]:
    store = Store(open_engine(database), vault.read_or_make(folder / "hub.keys"))
    schema.prepare(store.engine, store.vault)
    try:
        yield store
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A clock that stands."""

    at: datetime

    def now(self) -> datetime:
        return self.at


def _idle(store: Store, before: datetime) -> tuple[list[float], list[float]]:
    """Ticks of a ticker long at work, ``before`` anything is due, and the bare question; milliseconds."""
    seconds = count()
    quiet = Store(store.engine, store.vault, clock=_Stopped(before))
    ticker = Ticker(quiet, Routes(), HubMetrics(), monotonic=lambda: float(next(seconds)))
    for _ in range(WARM):
        ticker.step()
    ours, bare = zip(*[(_ms(ticker.step), _ms(partial(_earliest, store))) for _ in range(TICKS)], strict=True)
    return list(ours), list(bare)


def _earliest(store: Store) -> None:
    with store.engine.connect().execution_options(reading=True) as connection:
        connection.exec_driver_sql("SELECT min(due_at) FROM deadlines").scalar_one()


def _ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _one_by_one(store: Store) -> tuple[float, list[float]]:
    """Some fall silent in turn: seconds from each deadline to when it was handled, and what preparing one took."""
    first = crowd.now() + timedelta(seconds=5)
    due = {PEOPLE - 1 - number: first + timedelta(seconds=WATCHED_S * number / SILENT) for number in range(SILENT)}
    prepared_s = _fall_silent(store, due)
    told = _told(store, SILENT)
    return prepared_s / SILENT, [(told[crowd.session(index)] - at).total_seconds() for index, at in due.items()]


def _all_at_once(store: Store, pace_s: float) -> tuple[float, float]:
    """Many in the same second: seconds until all are told of, from the end of that second; and the bare statements."""
    second = crowd.now() + timedelta(seconds=5 + 2 * pace_s * AT_ONCE)
    due = {number: second + timedelta(seconds=number / AT_ONCE) for number in range(AT_ONCE)}
    moved_s = _fall_silent(store, due)
    _told(store, SILENT + AT_ONCE)
    return (crowd.now() - max(due.values())).total_seconds(), moved_s


def _fall_silent(store: Store, due: Mapping[int, datetime]) -> float:
    """These people's devices were last heard long ago, and their watches come up at these times. Seconds it took."""
    rows: list[dict[str, object]] = [
        {"_of": crowd.organisation(index), "_id": crowd.session(index), "_address": crowd.address(index), "_due": at}
        for index, at in due.items()
    ]
    long_ago = crowd.now() - timedelta(hours=1)

    def work(some: list[dict[str, object]], tx: Tx) -> None:
        heard, watched, up = tables.presence, tables.sessions, tables.deadlines
        run = tx.connection.execute
        run(_of(heard, heard.c.address == bindparam("_address")).values(heard_at=long_ago), some)
        run(_of(watched, watched.c.id == bindparam("_id")).values(silence_due=bindparam("_due")), some)
        silence = (up.c.kind == DeadlineKind.SILENCE, up.c.subject == bindparam("_id"))
        run(_of(up, *silence).values(due_at=bindparam("_due")), some)

    parts = [rows[first : first + _PART] for first in range(0, len(rows), _PART)]
    return sum(_ms(partial(store.write, partial(work, part))) for part in parts) / 1000


def _of(table: Table, *where: ColumnElement[bool]) -> Update:
    return update(table).where(table.c.organisation == bindparam("_of"), *where)


def _told(store: Store, number: int) -> dict[str, datetime]:
    """When each silence was told of, as soon as there are so many."""
    faults = tables.faults.c
    silent = select(faults.subject, faults.raised_at).where(faults.kind == FaultKind.DEVICE_SILENT)
    many = select(func.count()).select_from(silent.subquery())
    eventually(
        lambda: store.read(lambda tx: tx.connection.execute(many).scalar_one()) >= number,
        within_s=LIMIT_S,
        every_s=0.1,
    )
    return store.read(lambda tx: {row.subject: row.raised_at for row in tx.connection.execute(silent)})
