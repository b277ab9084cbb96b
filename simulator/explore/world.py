"""One world from its beginning to its end."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, NoReturn

import structlog

from device.settings import Settings
from gateway.domain.keyring import by_hand
from hub.cases.telling import DOWNLINK
from hub.store.store import StoreUnavailableError
from protocols.ids import Address
from simulator.explore.agenda import Agenda
from simulator.explore.audit import Audit
from simulator.explore.clocks import WallClock
from simulator.explore.disk import HubDisk
from simulator.explore.gateway import GatewayProcess
from simulator.explore.hub import HubProcess
from simulator.explore.ledger import Ledger
from simulator.explore.mail import MailServer
from simulator.explore.network import Broker
from simulator.explore.office import ACME, Office
from simulator.explore.storm import Storm
from simulator.explore.story import Story, Violation
from simulator.explore.verdict import Verdict
from simulator.explore.wearer import Wearer
from simulator.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, MutableMapping

    from hub.store.outbox import Item

STORM_S: Final = 150.0
CALM_S: Final = 160.0
_NOTICED_S: Final = 6.0
"""A hub that dies within this of a step of its clock may never know of it."""
_LONGEST_AWAY_S: Final = 120.0
"""By what it remembers, it finds out when it starts again, except for how long it was away."""
_WINTER: Final = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
_SUMMER: Final = datetime(2026, 7, 6, 9, 0, tzinfo=UTC)
_CLOCKS_GO_BACK: Final = datetime(2026, 10, 25, 0, 58, tzinfo=UTC)
_CLOCKS_GO_FORWARD: Final = datetime(2026, 3, 29, 0, 58, tzinfo=UTC)
_BEGINNINGS: Final = (_WINTER, _SUMMER, _CLOCKS_GO_BACK, _CLOCKS_GO_FORWARD)
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where the cards of gateways are as fast as memory


@dataclass(frozen=True, slots=True)
class Result:
    """What a seed led to.

    Attributes:
        violations: empty when all is well.
        lines: the story.
        recorded: how many events the hub came to have.
        kills: how many runs of programs ended before their time.
        happened: how often each action was written in a journal.
    """

    seed: int
    violations: tuple[Violation, ...]
    lines: tuple[str, ...]
    recorded: int
    kills: int
    happened: Counter[str]


class World:
    """Everything, put together.

    Args:
        seed: decides whatever happens.
        storm_s: how long things go wrong.
        directory: for the gateways' cards.
        loop: whose clock jumps.
    """

    def __init__(self, seed: int, storm_s: float, directory: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.seed, self._storm_s = seed, storm_s
        dice = self._dice("world")
        self.agenda = Agenda(loop)
        self.story = Story(lambda: self.agenda.now)
        self.ledger = Ledger(self.story)
        self.began = dice.choice(_BEGINNINGS)
        self.broker = Broker(self.agenda, self._dice("network"), self.story)
        self.hub = self._hub(dice)
        self.audit = Audit(self.story, self.ledger, self.hub)
        self.hub.disk = HubDisk(self.hub.fate, self.audit.committed)
        self.broker.watched, self.broker.acked = self.audit.published, self.audit.acknowledged
        self.mail = MailServer(self.hub, self.ledger, self._dice("mail"))
        self.hub.mail, self.hub.sending_s = self.mail, self._sending_s
        self.wearers = [self._wearer(name, number, dice) for number, name in enumerate(("alice", "bob"), 1)]
        self.gateways = [self._gateway(name, directory, dice) for name in ("north", "south")]
        self.office = Office(self.agenda, self.hub, self.ledger, self.story, self._dice("office"))

    def _dice(self, of: str) -> Random:
        return Random(f"{self.seed}/{of}")

    def _hub(self, dice: Random) -> HubProcess:
        clock = WallClock(self.agenda, self.began, drift=dice.uniform(-1e-4, 1e-4))
        who = ("hub", self.agenda, self.broker, self.story, self._dice("hub"))
        return HubProcess(*who, organisation=ACME, clock=clock, ids=self._dice("ids"))

    def _wearer(self, name: str, number: int, dice: Random) -> Wearer:
        settings = Settings(panic_prealarm_ms=dice.choice((0, 15000)))
        address = Address(f"C0:FF:EE:00:00:{number:02X}")
        around = self._dice(f"air/{name}")
        return Wearer(name, address, dice.randbytes(16), settings, self.agenda, around, self.story, self.audit.shown)

    def _gateway(self, name: str, directory: Path, dice: Random) -> GatewayProcess:
        is_right = dice.choice((True, True, False))
        ahead_s = dice.uniform(-0.5, 0.5) if is_right else dice.choice((-1e7, -300.0, 40.0))
        clock = WallClock(
            self.agenda, self.began, ahead_s=ahead_s, drift=dice.uniform(-1e-4, 1e-4), synchronised=is_right
        )
        who = (name, self.agenda, self.broker, self.story, self._dice(name))
        gateway = GatewayProcess(*who, organisation=ACME, disk=directory / name, clock=clock)
        gateway.ledger = self.ledger
        gateway.keys = [by_hand(wearer.address, wearer.working) for wearer in self.wearers]
        gateway.wearers = {wearer.address: wearer for wearer in self.wearers}
        for wearer in self.wearers:
            wearer.reception[name] = dice.choice((0.0, 0.3, 0.9))
        return gateway

    def _sending_s(self, item: Item) -> float:
        return 0.01 if item.channel == DOWNLINK else self.mail.takes_s()

    def step_hub_clock(self, seconds: float) -> None:
        """Somebody sets the clock of the hub's machine."""
        hub, run = self.hub, self.hub.runs
        self.story.tell("hub", f"its clock is set by {seconds:.0f} s")
        hub.clock.step(seconds)
        self.audit.clock_stepped(seconds)

        def look() -> None:
            if hub.runs != run or not hub.is_up:
                self.audit.step_unnoticed(min(-seconds, _LONGEST_AWAY_S))

        if seconds < 0:
            self.agenda.after(_NOTICED_S, look)

    async def live(self) -> Result:
        for wearer in self.wearers:
            wearer.hearers = self.gateways
        self.hub.start()
        self.office.found(self.wearers)
        for gateway in self.gateways:
            gateway.start()
        Storm(self, self._dice("storm"), self._storm_s).plan()
        self.agenda.at(self._storm_s + CALM_S, self._judge)
        try:
            await self.agenda.over
        finally:
            self._close()
        runs = sum(process.runs - 1 for process in (self.hub, *self.gateways))
        told = tuple(self.story.violations), tuple(self.story.lines)
        return Result(self.seed, *told, len(self.ledger.recorded), runs, self.audit.happened)

    def _judge(self) -> None:
        verdict = Verdict(self.story, self.ledger, self.audit, self.hub)
        verdict.find(self.gateways, self.wearers)
        self.agenda.end()

    def _close(self) -> None:
        for process in (self.hub, *self.gateways):
            process.fate.dead = True
        for gateway in self.gateways:
            gateway.ended()
        self.hub.disk.close()


def explore(seed: int, *, storm_s: float = STORM_S) -> Result:
    """Let one seed's world happen."""
    where = _MEMORY if _MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-explore-", dir=where) as directory,
        asyncio.Runner(loop_factory=VirtualTimeLoop) as runner,
    ):
        return runner.run(_live(seed, storm_s, Path(directory)))


async def _live(seed: int, storm_s: float, directory: Path) -> Result:
    world = World(seed, storm_s, directory, asyncio.get_running_loop())
    with _overheard(world.story):
        return await world.live()


@contextmanager
def _overheard(story: Story) -> Iterator[None]:
    """What the product logs is not printed; whatever it had not expected is a finding."""

    def listen(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> NoReturn:
        failure = entry.get("exc_info")
        if failure is True:
            failure = sys.exc_info()[1]
        if isinstance(failure, BaseException) and not isinstance(failure, StoreUnavailableError):
            story.violated("unexpected", f"{entry.get('event')}: {failure!r}"[:300])
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[listen], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
