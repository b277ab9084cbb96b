"""SIGKILL for hub, gateways and broker while 500 events are sent; nothing is lost."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hub.store.tables import events, incidents, outbox
from protocols.events import Stage
from tests.e2e.chain import running_chain, world_file
from tests.services import eventually, mosquitto

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Row

    from hub.store.store import Tx
    from tests.e2e.chain import Chain
    from tests.services import Postgres, Process

PEOPLE = [f"worker-{number}" for number in range(50)]
EVENTS_EACH = 10
BREATH_S = 3.5
"""From one hold to the next: what follows a long press without a pause is the same press."""
ACTIONS = ("hold", "double")  # a panic, or a check-in: every second worker does one or the other

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


def test_nothing_is_lost_when_everything_is_killed_again_and_again(tmp_path: Path, database: str | None) -> None:
    world = world_file(tmp_path, PEOPLE, loss=0.2)
    broker = mosquitto(tmp_path)
    broker.start()
    try:
        with running_chain(tmp_path, world, mqtt_port=broker.port, database=database) as chain:
            killer = Killer(chain, broker)
            killer.start()
            try:
                _send_all(chain)
            finally:
                killer.stop()
            _assert_nothing_is_lost(chain)
            print(f"killed: {dict(killer.killed)}")  # noqa: T201
            assert set(killer.killed.values()) == {killer.TIMES}
    finally:
        broker.kill()


class Killer(threading.Thread):
    """Every few seconds one of the three dies and is started again, until each has died so often."""

    TIMES = 4

    def __init__(self, chain: Chain, broker: Process) -> None:
        super().__init__(daemon=True)
        self._parts = chain.deployment.parts
        self._broker = broker
        self._dice = random.Random(11)
        self._stopping = threading.Event()
        self.killed: Counter[str] = Counter()

    def run(self) -> None:
        while self.killed.total() < 3 * self.TIMES and not self._stopping.wait(self._dice.uniform(3, 6)):
            self._kill(("hub", "broker", "gateway")[self.killed.total() % 3])

    def _kill(self, victim: str) -> None:
        self.killed[victim] += 1
        if victim == "broker":
            self._broker.kill()
            self._stopping.wait(self._dice.uniform(0, 0.5))
            self._broker.start(wait=False)
            return
        name = victim if victim == "hub" else self._dice.choice(["gateway-east-gw", "gateway-west-gw"])
        self._parts[name].kill()
        self._parts[name].start()

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def _send_all(chain: Chain) -> None:
    """Each worker's next event begins when the device shows that the last one is stored."""
    done = dict.fromkeys(PEOPLE, 0)
    acted = dict.fromkeys(PEOPLE, 0.0)
    give_up = time.monotonic() + 420
    while min(done.values()) < EVENTS_EACH:
        assert time.monotonic() < give_up, f"stuck: {[name for name, count in done.items() if count < EVENTS_EACH]}"
        for person in chain.site.get("/people").json():
            _next_event(chain, person, done, acted)
        time.sleep(0.1)
    eventually(lambda: len(chain.recorded()) >= len(PEOPLE) * EVENTS_EACH, within_s=120, every_s=0.2)


def _next_event(chain: Chain, person: dict[str, object], done: dict[str, int], acted: dict[str, float]) -> None:
    name, now = str(person["name"]), time.monotonic()
    waits = person["sequence"] != done[name] or (done[name] and person["told"] != "stored")
    if not waits and done[name] < EVENTS_EACH and now - acted[name] > BREATH_S:
        chain.act(name, ACTIONS[PEOPLE.index(name) % 2])
        done[name], acted[name] = done[name] + 1, now


def _assert_nothing_is_lost(chain: Chain) -> None:
    assert Counter(row[0] for row in chain.recorded()) == {
        chain.person(name)["address"]: EVENTS_EACH for name in PEOPLE
    }
    eventually(lambda: not chain.store.read(_untold_alarms), within_s=60, every_s=0.5)
    assert chain.store.read(_live_incidents) == len(PEOPLE) / 2
    assert chain.journal_is_whole()


def _untold_alarms(tx: Tx) -> list[Row[tuple[str]]]:
    """Incidents about which no notification was handed over."""
    told = select(outbox.c.incident).where(outbox.c.kind == "alert", outbox.c.state == "sent")
    alarms = select(events.c.incident).where(events.c.stage == int(Stage.ALARM))
    return list(tx.connection.execute(alarms.where(events.c.incident.not_in(told) | events.c.incident.is_(None))))


def _live_incidents(tx: Tx) -> int:
    return len(list(tx.connection.execute(select(incidents.c.id).where(incidents.c.live_subject.is_not(None)))))
