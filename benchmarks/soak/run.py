"""A soak from beginning to end: load, faults, samples, verdict.

In the first half the hub is killed now and then. In the second it lives through what happens to broker and database, so
that what grows in it is seen.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from benchmarks.soak.site import Site
from benchmarks.soak.traffic import Traffic
from benchmarks.soak.verdict import Series, judge
from benchmarks.wearers import GATEWAYS, ORGANISATION, wearers
from hub.cases import incidents, sessions
from hub.cases.desk import Desk, Routes
from hub.domain.incident import Outcome, Phase
from hub.domain.session import Risk
from hub.store import directory, journal, tables
from hub.store import incidents as incident_rows
from hub.store.directory import Worker
from hub.store.store import StoreUnavailableError
from protocols.ids import WorkerId
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from benchmarks.soak.verdict import Verdict
    from benchmarks.wearers import Wearer
    from hub.store.store import Store, Tx

PEOPLE: Final = 200
PROBE: Final = "probe"
SOON: Final = timedelta(seconds=1)
CALM_S: Final = 10.0
"""After a fault is over; what is late until then is late because of it."""
LIMIT_S: Final = 300.0
_HUB_LIVES_FROM: Final = 0.4
"""Part of the run after which the hub is not killed any more."""
_QUIET_FROM: Final = 0.85
"""Part of the run after which nothing is done any more: it shows whether all is as before."""
_TOLERATED: Final = {"memory": ("MB", 0.05, 3.0), "handles": ("", 0.0, 3.0), "threads": ("", 0.0, 2.0)}
"""Unit; then growth in the second half that is none: as a part of the median, and in units."""


LEAST_PART: Final = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes:
        seconds: of load.
        rate: events per second, if the hub can.
        database: ``sqlite`` or ``postgresql``.
        faults_every_s: on average.
        gone_s: how long the database is away when it is.
        sample_s: between two samples.
        least_part: of the rate that must be reached between faults.
    """

    seconds: float = 3600.0
    rate: float = 1000.0
    database: str = "sqlite"
    faults_every_s: float = 120.0
    gone_s: float = 5.0
    sample_s: float = 5.0
    least_part: float = LEAST_PART


@dataclass(slots=True)
class Sample:
    """One look.

    Attributes:
        at: seconds since the start.
        takes: see :meth:`benchmarks.soak.site.Site.takes`.
        receipts: since the last sample.
        receipt_p99_ms: from an event's first sending.
        deadline_ms: how late the last probe's deadline was handled; None when no answer was there yet.
        is_calm: no fault, and none lately.
    """

    at: float
    takes: dict[str, float]
    receipts: int
    receipt_p99_ms: float | None
    deadline_ms: float | None
    is_calm: bool


@dataclass(slots=True)
class Result:
    """What came of it.

    Attributes:
        lost: events that were sent and are not in the database.
        breaks: of the journal.
        rate: events receipted per second, over the whole run.
        calm_rate: the same between faults.
    """

    plan: Plan
    samples: list[Sample]
    verdicts: list[Verdict]
    faults: list[str]
    made: int
    again: int
    duplicates: int
    lost: int
    breaks: int
    rate: float
    calm_rate: float

    @property
    def is_good(self) -> bool:
        whole = self.lost == 0 and self.breaks == 0
        return whole and self.is_fast_enough and not any(verdict.grows for verdict in self.verdicts)

    @property
    def is_fast_enough(self) -> bool:
        """A hub that records next to nothing loses nothing, and does not grow."""
        return self.calm_rate >= self.plan.least_part * self.plan.rate

    def as_json(self) -> dict[str, Any]:
        told = [asdict(verdict) | {"grows": verdict.grows} for verdict in self.verdicts]
        return asdict(self) | {"verdicts": told, "is_good": self.is_good}

    def __str__(self) -> str:
        load = (
            f"asked for {self.plan.rate:,.0f} events/s for {self.plan.seconds:,.0f} s on {self.plan.database}; "
            f"{self.rate:,.0f}/s over all, {self.calm_rate:,.0f}/s between faults, "
            f"{self.plan.least_part * self.plan.rate:,.0f}/s at least"
        )
        counts = (
            f"{self.made:,} events, {self.again:,} sent again, {self.duplicates:,} receipts too many, "
            f"{len(self.faults)} faults: {', '.join(self.faults) or 'none'}"
        )
        lost = f"{self.lost} lost, {self.breaks} breaks of the journal"
        return "\n".join([load, counts, lost, *map(str, self.verdicts), "GOOD" if self.is_good else "NOT GOOD"])


def run(folder: Path, plan: Plan) -> Result:
    """All of it."""
    people = wearers(PEOPLE, GATEWAYS)
    with Site(folder, people, plan.database, plan.gone_s) as site:
        site.store.write(_probe_worker)
        return Soak(site, people, plan).run()


class Soak:
    """A run on a site."""

    def __init__(self, site: Site, people: Sequence[Wearer], plan: Plan) -> None:
        self._site = site
        self._people = people
        self._plan = plan
        self._traffic = Traffic(site.port, people, plan.rate)
        self._supervisor = Supervisor(site.store)
        self._harm = _Harm(site, plan)
        self._samples: list[Sample] = []

    def run(self) -> Result:
        self._traffic.start()
        self._harm.start()
        start = time.monotonic()
        while (at := time.monotonic() - start) < self._plan.seconds:
            self._site.gateway.tell(f"{self._people[0].address} {self._people[0].heartbeat().hex()}")
            self._samples.append(self._sample(at))
            time.sleep(self._plan.sample_s)
        length = time.monotonic() - start
        self._harm.stop()
        self._traffic.stop()
        eventually(lambda: self._traffic.unreceipted == 0, within_s=LIMIT_S, every_s=0.2)
        self._traffic.close()
        return self._result(length)

    def _sample(self, at: float) -> Sample:
        window = self._traffic.window()
        takes = self._site.takes() if self._harm.is_calm else {}
        late = self._supervisor.step()
        return Sample(at, takes, window.receipts, window.p99_ms, late, self._harm.is_calm)

    def _result(self, length: float) -> Result:
        calm = [sample for sample in self._samples if sample.is_calm]
        return Result(
            plan=self._plan,
            samples=self._samples,
            verdicts=[judge(series, length) for series in _series(calm)],
            faults=self._site.done,
            made=self._traffic.made,
            again=self._traffic.again,
            duplicates=self._traffic.duplicates,
            lost=self._site.store.read(partial(_missing, self._people)),
            breaks=self._site.store.read(lambda tx: len(list(journal.verify(tx)))),
            rate=sum(sample.receipts for sample in self._samples) / length,
            calm_rate=_calm_rate(self._samples),
        )


def _calm_rate(samples: Sequence[Sample]) -> float:
    """Receipts per second in the stretches between two calm samples."""
    pairs = [(one, two) for one, two in pairwise(samples) if one.is_calm and two.is_calm]
    seconds = sum(two.at - one.at for one, two in pairs)
    return sum(two.receipts for _, two in pairs) / seconds if seconds else 0.0


def _series(calm: Sequence[Sample]) -> list[Series]:
    taken = sorted({name for sample in calm for name in sample.takes})
    series = [_taking(calm, name) for name in taken]
    receipts = [(one.at, one.receipt_p99_ms) for one in calm if one.receipt_p99_ms is not None]
    deadlines = [(one.at, one.deadline_ms) for one in calm if one.deadline_ms is not None]
    series.append(Series("receipts, p99 of each sample", "ms", receipts, part=0.5, amount=100))
    series.append(Series("deadlines, late by", "ms", deadlines, part=0.5, amount=100))
    return series


def _taking(calm: Sequence[Sample], name: str) -> Series:
    unit, part, amount = _TOLERATED[name.rpartition(" ")[2]]
    return Series(name, unit, [(one.at, one.takes[name]) for one in calm if name in one.takes], part, amount)


def _missing(people: Sequence[Wearer], tx: Tx) -> int:
    """Events that were made and are not recorded. Each wearer's sequence began at 2, and each has one stage."""
    of = tables.events.c
    counted = select(of.address, func.count()).where(of.organisation == ORGANISATION).group_by(of.address)
    recorded: dict[str, int] = {row[0]: row[1] for row in tx.connection.execute(counted)}
    return sum(wearer.sequence - 1 - recorded.get(wearer.address, 0) for wearer in people)


def _probe_worker(tx: Tx) -> None:
    directory.add_worker(tx, Worker(ORGANISATION, WorkerId(PROBE), "Probe", supervisor="sam"))


@dataclass(slots=True)
class Supervisor:
    """Closes what was raised, and asks of one deadline at a time how late it was."""

    store: Store
    _asked: tuple[str, datetime] | None = field(default=None, init=False)

    def step(self) -> float | None:
        """Milliseconds by which the last session began late; None when it has not, or the database is away."""
        try:
            late = self._late()
            self.store.write(_close_all)
            if self._asked is None:
                self._asked = self.store.write(_ask)
        except StoreUnavailableError:
            return None
        return late

    def _late(self) -> float | None:
        if self._asked is None:
            return None
        session, due = self._asked
        entries = self.store.read(lambda tx: journal.read(tx, ORGANISATION, session))
        began = next((entry.at for entry in entries if entry.action == "started"), None)
        if began is None:
            return None
        self.store.write(lambda tx: sessions.end(Desk(tx, Routes()), ORGANISATION, session, "sam"))
        self._asked = None
        return (began - due).total_seconds() * 1000


def _ask(tx: Tx) -> tuple[str, datetime]:
    starts = tx.now + SOON
    new = sessions.NewSession(PROBE, "home", starts, starts + timedelta(hours=1), Risk.NORMAL)
    return sessions.log(Desk(tx, Routes()), ORGANISATION, new, "sam").id, starts


def _close_all(tx: Tx) -> None:
    desk = Desk(tx, Routes(email=True))
    for record in incident_rows.listed(tx, ORGANISATION, only_live=True):
        if record.state.phase is Phase.OPEN:
            incidents.take(desk, ORGANISATION, record.id, "sam")
        incidents.close(desk, ORGANISATION, record.id, "sam", Outcome.FALSE_ALARM, "soak")


class _Harm(threading.Thread):
    """A fault now and then."""

    def __init__(self, site: Site, plan: Plan) -> None:
        super().__init__(name="harm", daemon=True)
        self._site = site
        self._plan = plan
        self._dice = random.Random(4)
        self._stopping = threading.Event()
        self._calm_from = 0.0

    @property
    def is_calm(self) -> bool:
        return time.monotonic() >= self._calm_from

    def run(self) -> None:
        start = time.monotonic()
        while not self._stopping.wait(self._dice.uniform(0.5, 1.5) * self._plan.faults_every_s):
            if time.monotonic() - start > self._plan.seconds * _QUIET_FROM:
                return
            self._calm_from = float("inf")
            self._site.do_harm(hub_lives=time.monotonic() - start > self._plan.seconds * _HUB_LIVES_FROM)
            self._calm_from = time.monotonic() + min(CALM_S, self._plan.faults_every_s / 3)

    def stop(self) -> None:
        """Not before the last fault is over."""
        self._stopping.set()
        self.join()
