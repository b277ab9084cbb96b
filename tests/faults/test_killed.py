"""SIGKILL for hub, gateways, broker and database at random while people call for help; nothing is lost.

``TOCSIN_FAULT_EVENTS`` says how many events there are (``make faults``: 2,000 for each pairing).
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.chain import running_chain, world_file
from tests.faults.breaking import Database, database
from tests.faults.ledger import assert_each_alarm_notified, assert_recorded_once
from tests.services import eventually, mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.e2e.chain import Chain
    from tests.services import Process

EVENTS: Final = int(os.environ.get("TOCSIN_FAULT_EVENTS", "80"))
SEED: Final = int(os.environ.get("TOCSIN_FAULT_SEED", "11"))
PEOPLE: Final = [f"worker-{number}" for number in range(min(60, max(10, EVENTS // 4)))]
EACH: Final = EVENTS // len(PEOPLE)
BREATH_S: Final = 3.5
"""From one hold to the next: what follows a long press without a pause is the same press."""
SWALLOWED_S: Final = 20
"""No event came of a hold that a busy machine made part of the one before: it is held again."""
ACTIONS: Final = ("hold", "double")  # a panic, or a check-in: every second worker does one or the other
EVENTS_A_KILL: Final = 12
CATCH_UP_S: Final = 90
"""After the last kill everything is recorded and told: reconnection (5 s), retry (30 s), lease (30 s), slow machine."""
MAILS_AT_ONCE: Final = 6
"""So many may be handed over and not yet marked when the hub or its database dies; each of them comes twice."""

pytestmark = pytest.mark.timeout(240 + 2 * EVENTS)


@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_nothing_is_lost_when_everything_is_killed_at_random(tmp_path: Path, store: str, broker: str) -> None:
    with _chain(tmp_path, store, broker) as (chain, victims):
        killer = Killer(victims)
        killer.start()
        try:
            delays = _send_all(chain, killer)
        finally:
            killer.stop()
        duplicates = _assert_nothing_is_lost(chain)
        caught_up_s = time.monotonic() - killer.last_at
        assert duplicates <= MAILS_AT_ONCE * (killer.killed["hub"] + killer.killed["database"])
        assert killer.killed.keys() == victims.keys()
        assert caught_up_s <= CATCH_UP_S
    print(_report(store, broker, killer, delays, duplicates, caught_up_s))  # noqa: T201


@contextmanager
def _chain(folder: Path, store: str, broker: str) -> Iterator[tuple[Chain, Mapping[str, Callable[[], None]]]]:
    """What runs, and how each part of it is killed and started again."""
    world = world_file(folder, PEOPLE, loss=0.2)
    with ExitStack() as stack:
        server = stack.enter_context(database()) if store == "postgresql" else None
        process = stack.enter_context(running(mosquitto(folder))) if broker == "mosquitto" else None
        port = None if process is None else process.port
        plan = {"mqtt_port": port, "database": None if server is None else server.url}
        chain = stack.enter_context(running_chain(folder, world, **plan))
        yield chain, _victims(chain, process, server)


def _victims(chain: Chain, broker: Process | None, server: Database | None) -> dict[str, Callable[[], None]]:
    parts = chain.deployment.parts

    def part(name: str) -> None:
        parts[name].kill()
        parts[name].start()

    def mosquitto_() -> None:
        assert broker is not None
        broker.kill()
        broker.start(wait=False)

    def postgres() -> None:
        assert server is not None
        server.kill()
        server.start()

    victims: dict[str, Callable[[], None]] = {
        "hub": lambda: part("hub"),
        "east": lambda: part("gateway-east-gw"),
        "west": lambda: part("gateway-west-gw"),
        "broker": (lambda: part("broker")) if broker is None else mosquitto_,
    }
    return victims if server is None else {**victims, "database": postgres}


class Killer(threading.Thread):
    """One of the victims, drawn by lot, dies and is started again, at events drawn by lot; each victim in turn.

    Attributes:
        sent: how many events have begun.
        killed: how often, by victim.
        last_at: when the last of them had been started again, on the monotonic clock.
        failure: why it has ended early.
    """

    def __init__(self, victims: Mapping[str, Callable[[], None]]) -> None:
        super().__init__(daemon=True)
        dice = random.Random(SEED)
        total = len(PEOPLE) * EACH
        at = sorted(dice.sample(range(1, total), total // EVENTS_A_KILL))
        lots = [
            victim for _ in range(len(at) // len(victims) + 1) for victim in dice.sample(list(victims), len(victims))
        ]
        self._victims = victims
        self._plan = [(event, victim, dice.uniform(0, 2)) for event, victim in zip(at, lots, strict=False)]
        self._stopping = threading.Event()
        self.sent = 0
        self.killed: Counter[str] = Counter()
        self.last_at = 0.0
        self.failure: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.killed.total() == len(self._plan)

    def run(self) -> None:
        try:
            for event, victim, later_s in self._plan:
                self._kill(event, victim, later_s)
        except BaseException as failure:
            self.failure = failure
            raise

    def _kill(self, event: int, victim: str, later_s: float) -> None:
        while self.sent < event:
            if self._stopping.wait(0.05):
                return
        self._stopping.wait(later_s)
        self._victims[victim]()
        self.killed[victim] += 1
        self.last_at = time.monotonic()

    def stop(self) -> None:
        self._stopping.set()
        self.join()
        assert self.failure is None


def _send_all(chain: Chain, killer: Killer) -> list[float]:
    """Each worker's next event begins when the device shows that the last one is stored; how long that took, in s."""
    sender = _Sender(chain)
    give_up = time.monotonic() + 120 + 2 * EVENTS
    while not (sender.is_done and killer.is_done):
        assert killer.failure is None
        assert time.monotonic() < give_up, f"stuck: {sender.waiting()}, killed {killer.killed}"
        sender.step()
        killer.sent = sender.sent
        time.sleep(0.1)
    return sender.delays


class _Sender:
    """Everybody's hand."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._done = dict.fromkeys(PEOPLE, 0)
        self._acted = dict.fromkeys(PEOPLE, 0.0)
        self._stored = dict.fromkeys(PEOPLE, 0)
        self.delays: list[float] = []

    @property
    def sent(self) -> int:
        return sum(self._done.values())

    @property
    def is_done(self) -> bool:
        return self.sent == len(PEOPLE) * EACH

    def waiting(self) -> list[str]:
        return [name for name in PEOPLE if self._stored[name] < EACH]

    def step(self) -> None:
        for person in self._chain.site.get("/people").json():
            self._look(person, time.monotonic())

    def _look(self, person: Mapping[str, object], now: float) -> None:
        name = str(person["name"])
        done = self._done[name]
        if self._stored[name] < done and person["sequence"] == done and person["told"] == "stored":
            self._stored[name] = done
            self.delays.append(now - self._acted[name])
        if self._stored[name] == done < EACH and now - self._acted[name] > BREATH_S:
            self._done[name] = done + 1
            self._act(name, now)
        elif person["sequence"] == done - 1 and now - self._acted[name] > SWALLOWED_S:
            self._act(name, now)

    def _act(self, name: str, now: float) -> None:
        self._chain.act(name, ACTIONS[PEOPLE.index(name) % 2])
        self._acted[name] = now


def _assert_nothing_is_lost(chain: Chain) -> int:
    """How many mails came twice."""
    eventually(lambda: len(chain.recorded()) >= len(PEOPLE) * EACH, within_s=CATCH_UP_S, every_s=0.2)
    assert_recorded_once(chain, dict.fromkeys(PEOPLE, EACH))
    return assert_each_alarm_notified(chain)


def _report(store: str, broker: str, killer: Killer, delays: list[float], duplicates: int, caught_up_s: float) -> str:
    ordered = sorted(delays)
    median, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    kills = ", ".join(f"{victim} {times}" for victim, times in sorted(killer.killed.items()))
    return (
        f"{store} + {broker}: {len(PEOPLE) * EACH} events, {killer.killed.total()} kills ({kills}), "
        f"{duplicates} mails twice, pressed to stored p50 {median:.1f} s, p99 {p99:.1f} s, worst {ordered[-1]:.1f} s, "
        f"all recorded and told {caught_up_s:.1f} s after the last kill"
    )
