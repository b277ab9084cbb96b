"""Everybody presses at once: how fast the alarms are on record, and how fast somebody has been told of each."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.bare import LISTENING
from benchmarks.events import AGAINST, counted
from benchmarks.figures import Figure, in_turn
from benchmarks.places import Program, found, hub, hub_settings
from benchmarks.wearers import Message, Wearer, check_ins, envelope, wearers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.mail import Mails
    from benchmarks.publisher import Publisher

ALARMS: Final = 100
WARM: Final = 50
REPEATS: Final = 3
_BARE: Final = "bare: two fsynced commits and a mail each"


@dataclass(frozen=True, slots=True)
class _Rates:
    """Alarms per second."""

    recorded: float
    told: float


def measure(
    folder: Path, databases: Mapping[str, Callable[[], str]], broker_port: int, publisher: Publisher, mails: Mails
) -> list[Figure]:
    """A hundred presses, each of another wearer in a session; each repeat begins with an empty database."""
    bench = _Bench(folder, broker_port, publisher, mails)
    *ours, bare = in_turn(REPEATS, *[partial(bench.on, new) for new in databases.values()], bench.bare)
    return [figure for name, rates in zip(databases, ours, strict=True) for figure in _figures(name, rates, bare)]


def _figures(name: str, ours: Sequence[_Rates], bare: Sequence[_Rates]) -> list[Figure]:
    recorded, told = [one.recorded for one in ours], [one.told for one in ours]
    return [
        Figure(f"{name}: {ALARMS} at once, on record", "alarms/s", recorded, AGAINST, [one.recorded for one in bare]),
        Figure(f"{name}: {ALARMS} at once, mail taken", "alarms/s", told, _BARE, [one.told for one in bare]),
    ]


class _Bench:
    def __init__(self, folder: Path, broker_port: int, publisher: Publisher, mails: Mails) -> None:
        self._folder = folder
        self._broker_port = broker_port
        self._publisher = publisher
        self._mails = mails

    def on(self, new_database: Callable[[], str]) -> _Rates:
        people, database = self._people(), new_database()
        found(database, self._folder, people)
        settings = hub_settings(self._folder, database, self._broker_port, self._mails.port)
        with hub(settings):
            self._publisher.reach(envelope(people[0], people[0].check_in()))
            self._publisher.until_receipted(list(check_ins(people, WARM)))
            presses, start = _presses(people), time.monotonic()
            recorded_s = self._publisher.until_receipted(presses)
            return _Rates(ALARMS / recorded_s, ALARMS / (self._last_mail(people) - start))

    def bare(self) -> _Rates:
        people = self._people()
        presses = _presses(people)
        recorded = counted(self._folder, self._broker_port, self._publisher, presses, presses)
        command = [sys.executable, "-m", "benchmarks.bare", "hub", str(self._broker_port), str(self._folder)]
        with Program([*command, str(self._mails.port)], log=self._folder / "bare-hub.log", ready=LISTENING):
            start = time.monotonic()
            self._publisher.hand_over(presses)
            return _Rates(recorded, ALARMS / (self._last_mail(people) - start))

    def _people(self) -> list[Wearer]:
        self._mails.forget()
        return wearers(ALARMS)

    def _last_mail(self, people: Sequence[Wearer]) -> float:
        return self._mails.about_all({wearer.address for wearer in people})


def _presses(people: Sequence[Wearer]) -> list[Message]:
    return [envelope(wearer, wearer.panic()) for wearer in people]
