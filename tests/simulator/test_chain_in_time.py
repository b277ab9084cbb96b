"""The whole chain as processes in a time that runs sixty times as fast.

How late a deadline may be is what the machine needs for it, sixty times: half a second is :data:`LATE`. Nothing may be
early, however slow the machine is.
"""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import select

from hub.domain.incident import Kind
from hub.domain.ladder import LADDER, WELFARE_WINDOW
from hub.domain.session import Risk
from hub.store import incidents, presence
from hub.store.tables import outbox
from hub.ticker import HOLD
from simulator.deployment import ORGANISATION, Deployment, Plan
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hub.store.incidents import IncidentRecord
    from hub.store.store import Store

FAST = 60
LATE = timedelta(seconds=30)
DIGEST = timedelta(seconds=10)
"""A gateway says who it heard this often."""
WORLD = """
seed = 11
air = { loss = 0.1, fading_db = 0 }
places = [{ name = "hall", at = [5, 5] }, { name = "wall", at = [5, 8] }]
gateways = [{ name = "wall-gw", place = "wall" }]
people = [
    { name = "alice", place = "hall" },
    { name = "bob", place = "hall", risk = "high" },
]
"""

pytestmark = pytest.mark.timeout(240)


class Chain:
    def __init__(self, deployment: Deployment, store: Store) -> None:
        self.deployment = deployment
        self.time = deployment.hosted.time
        self.store = store
        self.began = time.monotonic()

    def post(self, path: str, **body: object) -> None:
        httpx.post(self.deployment.ports.api + path, json=body, timeout=20).raise_for_status()

    def live(self, person: str) -> IncidentRecord | None:
        return self.store.read(lambda tx: incidents.live(tx, ORGANISATION, f"worker:{person}"))

    def told(self, incident: str) -> list[datetime]:
        """When each rung of the ladder was told."""
        where = outbox.c.incident == incident, outbox.c.channel == "email"
        query = select(outbox.c.created_at).where(*where).distinct().order_by(outbox.c.created_at)
        return self.store.read(lambda tx: list(tx.connection.execute(query).scalars()))

    def last_heard(self, person: str) -> datetime:
        address = str(self.deployment.world.make(person).address)
        seen = self.store.read(lambda tx: presence.of_device(tx, ORGANISATION, address))
        assert seen is not None
        return seen.heard_at

    def believes_silence(self) -> None:
        """The hub has been there for long enough, on the machine's clock, to believe that somebody is silent."""
        eventually(lambda: time.monotonic() - self.began > HOLD.total_seconds(), within_s=60, every_s=0.5)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("fast")
    world = folder / "world.toml"
    world.write_text(WORLD, "utf-8")
    deployment = Deployment(Plan(folder, world, password="secret", sessions=timedelta(hours=8)))
    try:
        deployment.start()
        with contextlib.closing(deployment.open_store()) as store:
            yield Chain(deployment, store)
    finally:
        deployment.stop()


@pytest.fixture
def fast(chain: Chain) -> Iterator[Chain]:
    chain.post("/time", rate=FAST)
    yield chain
    chain.post("/time", rate=1)


def test_an_alarm_nobody_takes_climbs_the_ladder_at_the_right_times(fast: Chain) -> None:
    fast.post("/people/alice/hold")
    incident = eventually(lambda: fast.live("alice"))
    told = eventually(lambda: fast.told(incident.id) if len(fast.told(incident.id)) >= 5 else None, within_s=30)
    waits = [rung.wait for rung in LADDER] + [LADDER[-1].wait]
    due = incident.opened_at
    for at, wait in zip(told[1:], waits, strict=False):
        due += wait
        assert timedelta(0) <= at - due < LATE


def test_while_time_is_paused_no_deadline_comes_up(chain: Chain) -> None:
    incident = eventually(lambda: chain.live("alice"))
    chain.post("/time", rate=0)
    told, now = chain.told(incident.id), chain.time.now()
    paused = time.monotonic()
    eventually(lambda: time.monotonic() - paused > 3, within_s=10, every_s=0.5)  # three minutes at sixty times
    assert chain.time.now() == now
    assert chain.told(incident.id) == told
    chain.post("/time", rate=FAST)
    eventually(lambda: len(chain.told(incident.id)) > len(told), within_s=20)


def test_a_device_that_is_heard_is_silent_for_nobody_however_fast_time_runs(fast: Chain) -> None:
    fast.believes_silence()
    begin = fast.time.now()
    eventually(lambda: fast.time.now() - begin > timedelta(minutes=10), within_s=30)
    assert fast.live("bob") is None


def test_a_device_that_falls_silent_is_asked_for_and_then_an_alarm_as_stated(fast: Chain) -> None:
    fast.believes_silence()
    fast.post("/people/bob/smash")
    asked = eventually(lambda: fast.live("bob"), within_s=30)
    heard, limit = fast.last_heard("bob"), Risk.HIGH.silence_limit
    assert asked.state.kind is Kind.SILENCE
    assert limit <= asked.opened_at - heard < limit + DIGEST + LATE
    question, alarm = eventually(lambda: fast.told(asked.id)[:2] if len(fast.told(asked.id)) > 1 else None, within_s=20)
    assert question == asked.opened_at
    assert timedelta(0) <= alarm - (asked.opened_at + WELFARE_WINDOW) < LATE
