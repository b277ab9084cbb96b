"""How long one alarm takes, from the advert's bytes to the mail server: in quiet against wire and disk alone, and while
gateways tell of 20,000 devices a second, against itself in quiet.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from benchmarks import digests
from benchmarks.bare import LISTENING
from benchmarks.figures import Figure, in_turn
from benchmarks.places import Program, found, gateway_settings, hub, hub_settings
from benchmarks.publisher import Publisher
from benchmarks.wearers import Wearer, envelope, wearers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.mail import Mails

ALARMS: Final = 40
"""In each repeat."""
AMONG_DIGESTS: Final = 60
WARM: Final = 5
REPEATS: Final = 3
_QUIET_S: Final = (0.03, 0.13)
_QUIET: Final = "the same in quiet"
ENOUGH: Final = 0.95
"""Of the digests that are asked for; with fewer nothing is said of alarms among them."""
_COUNTED: Final = """
    CREATE TABLE bench_recorded (rows INTEGER NOT NULL);
    INSERT INTO bench_recorded VALUES (0);
    CREATE TRIGGER bench_inserted AFTER INSERT ON presence WHEN NEW.gateway LIKE 'crowd-%'
    BEGIN UPDATE bench_recorded SET rows = rows + 1; END;
    CREATE TRIGGER bench_updated AFTER UPDATE ON presence WHEN NEW.gateway LIKE 'crowd-%'
    BEGIN UPDATE bench_recorded SET rows = rows + 1; END;
"""
_AGAINST: Final = "two MQTT hops, three fsynced commits, same SMTP sink, bare"


@dataclass(slots=True)
class Times:
    """Milliseconds of each alarm until the mail server was called, and until it had the mail."""

    called: list[float] = field(default_factory=list)
    had: list[float] = field(default_factory=list)


def measure(folder: Path, broker_port: int, mails: Mails) -> list[Figure]:
    """Presses one after another, each of a wearer in a session; each repeat begins with nothing."""
    bench = _Bench(folder, broker_port, mails)
    ours, bare = in_turn(REPEATS, bench.tocsin, bench.bare)
    called = _figures("channel (mail server called)", [one.called for one in ours], [one.called for one in bare])
    had = _figures("mail taken", [one.had for one in ours], [one.had for one in bare])
    return [*called, *had, *_among_digests(bench, [one.called for one in ours])]


def _among_digests(bench: _Bench, quiet: Sequence[list[float]]) -> list[Figure]:
    return _beside(quiet, *bench.among_digests())


def _beside(quiet: Sequence[list[float]], times: Times, sent: float, recorded: float) -> list[Figure]:
    """Without enough digests there is no verdict: no target is named so.

    Args:
        quiet: milliseconds of alarms in quiet.
        times: of those among digests.
        sent: devices a second that gateways told of meanwhile.
        recorded: rows a second that the hub wrote of them.
    """
    among = "digests of" if sent >= ENOUGH * digests.A_SECOND else "too few digests to say, not"
    name = f"alarm among {among} {digests.A_SECOND:,} devices/s: advert in to channel"
    return [
        Figure(f"{name}, median", "ms", [median(times.called)], _QUIET, [median(one) for one in quiet]),
        Figure(f"{name}, p99", "ms", [_p99([times.called])], _QUIET, [_p99(quiet)]),
        Figure("digests meanwhile: rows of devices recorded", "rows/s", [recorded], "devices told of", [sent]),
    ]


def _figures(name: str, ours: Sequence[list[float]], bare: Sequence[list[float]]) -> list[Figure]:
    """The median of each repeat; the p99 of all alarms together, since one repeat has too few."""
    middles = [median(one) for one in ours], [median(one) for one in bare]
    worst = [_p99(ours)], [_p99(bare)]
    return [
        Figure(f"alarm: advert in to {name}, {label}", "ms", one, _AGAINST, other)
        for label, (one, other) in (("median", middles), ("p99", worst))
    ]


def _p99(repeats: Sequence[list[float]]) -> float:
    return quantiles(chain.from_iterable(repeats), n=100, method="inclusive")[-1]


def count_rows(path: Path) -> None:
    """From now on the database itself counts what is recorded of devices of the crowd."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_COUNTED)


def rows_recorded(path: Path) -> int:
    """How many rows that was: one for each device of a transaction, however many digests told of it."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT rows FROM bench_recorded").fetchone()[0])


class _Bench:
    def __init__(self, folder: Path, broker_port: int, mails: Mails) -> None:
        self._folder = folder
        self._broker_port = broker_port
        self._mails = mails
        self._numbers = count()

    def tocsin(self) -> Times:
        folder, people = self._new(), wearers(WARM + ALARMS)
        with self._hub(folder, people), self._gateway(folder, people) as gateway:
            return self._press(gateway, people)

    def among_digests(self) -> tuple[Times, float, float]:
        """With how many devices a second were told of meanwhile, and how many rows a second recorded."""
        folder, pressing = self._new(), wearers(WARM + AMONG_DIGESTS)
        people = [*pressing, *digests.crowd(len(pressing))]
        with ExitStack() as stack:
            telling = stack.enter_context(self._digests(folder, len(pressing)))
            stack.enter_context(self._hub(folder, people))
            gateway = stack.enter_context(self._gateway(folder, pressing))
            count_rows(folder / "hub.db")
            telling.tell("begin")
            start = time.monotonic()
            times = self._press(gateway, pressing)
            length = time.monotonic() - start
            sent = digests.told_of((folder / "digests.log").read_text("utf-8"))
            return times, sent / length, rows_recorded(folder / "hub.db") / length

    def _digests(self, folder: Path, first: int) -> Program:
        command = [sys.executable, "-m", "benchmarks.digests", str(self._broker_port), str(first)]
        return Program(command, log=folder / "digests.log", ready=LISTENING)

    def bare(self) -> Times:
        folder, people = self._new(), wearers(WARM + ALARMS)
        with self._bare(folder, "hub", str(self._mails.port)), self._bare(folder, "gateway") as gateway:
            return self._press(gateway, people)

    def _new(self) -> Path:
        self._mails.forget()
        folder = self._folder / f"alarms-{next(self._numbers)}"
        folder.mkdir()
        return folder

    @contextmanager
    def _hub(self, folder: Path, people: Sequence[Wearer]) -> Iterator[None]:
        database = f"sqlite:///{folder / 'hub.db'}"
        found(database, folder, people)
        settings = hub_settings(folder, database, self._broker_port, self._mails.port)
        with hub(settings), Publisher(self._broker_port) as publisher:
            publisher.reach(envelope(people[0], people[0].check_in()))
            yield

    def _gateway(self, folder: Path, people: Sequence[Wearer]) -> Program:
        settings = gateway_settings(folder, people, self._broker_port)
        command = [sys.executable, "-m", "tests.gateway.program", str(settings)]
        return Program(command, log=folder / "gateway.log", ready=LISTENING)

    def _bare(self, folder: Path, role: str, *more: str) -> Program:
        command = [sys.executable, "-m", "benchmarks.bare", role, str(self._broker_port), str(folder), *more]
        return Program(command, log=folder / f"bare-{role}.log", ready=LISTENING)

    def _press(self, gateway: Program, people: Sequence[Wearer]) -> Times:
        """Each at a moment of its own, so that none meets a loop always at the same point of its turn."""
        times, pauses = Times(), random.Random(1)
        for wearer in people:
            start = time.monotonic()
            gateway.tell(f"{wearer.address} {wearer.panic().hex()}")
            mail = self._mails.about(wearer.address)
            times.called.append((mail.called_at - start) * 1000)
            times.had.append((mail.had_at - start) * 1000)
            time.sleep(pauses.uniform(*_QUIET_S))
        return Times(times.called[WARM:], times.had[WARM:])
