"""PostgreSQL that is stopped, killed or hung under a working hub, and comes back minutes later.

The world's time runs twenty times as fast while it is away.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from hub.app import NO_DATABASE
from hub.domain.session import Risk
from hub.loops import STALLED_S
from hub.store.faults import FaultKind
from simulator.deployment import Deployment
from tests.faults.breaking import Database, database
from tests.faults.ledger import assert_each_alarm_notified, assert_recorded_once
from tests.faults.scene import (
    chain_of,
    expected,
    figures,
    heard_anew,
    open_faults,
    plan,
    run_time_at,
    small_world,
    troubles,
)
from tests.services import eventually, mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.chain import Chain

CALLERS: Final = ["stop", "stop-too", "kill", "kill-too", "hang", "hang-too"]
CAREFUL: Final = "careful"
"""Heard all the time, in a session of high risk."""
FAST: Final = 20
AWAY: Final = timedelta(minutes=3)
CATCH_UP_S: Final = 60

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with database() as started:
        yield started


@pytest.fixture(scope="module")
def chain(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    world = small_world(folder, [*CALLERS, CAREFUL])
    with (
        running(mosquitto(folder)) as broker,
        chain_of(Deployment(plan(folder, world, mqtt_port=broker.port, database=server.url))) as started,
    ):
        started.session(CAREFUL, Risk.HIGH)
        heard_anew(started, CAREFUL)
        yield started


def test_a_database_that_is_shut_down_takes_nothing_with_it(chain: Chain, server: Database) -> None:
    _is_away(chain, "stop", server.stop, server.start, says=NO_DATABASE, within_s=30)


def test_a_database_that_is_killed_takes_nothing_with_it(chain: Chain, server: Database) -> None:
    _is_away(chain, "kill", server.kill, server.start, says=NO_DATABASE, within_s=30)


def test_a_database_that_hangs_takes_nothing_with_it(chain: Chain, server: Database) -> None:
    _is_away(chain, "hang", server.hang, server.go_on, says="has stalled", within_s=STALLED_S + 30)
    assert_recorded_once(chain, expected(*CALLERS))
    assert assert_each_alarm_notified(chain) <= len(CALLERS)


def _is_away(
    chain: Chain,
    person: str,
    goes: Callable[[], None],
    comes_back: Callable[[], None],
    *,
    says: str,
    within_s: float,
) -> None:
    """Two people press while it is away: neither is told *stored*, both are recorded when it is back."""
    before = len(chain.recorded())
    now = chain.deployment.hosted.time.now
    goes()
    gone_at = now()
    run_time_at(chain, FAST)
    for who in (person, f"{person}-too"):
        chain.act(who, "hold")
    eventually(lambda: _says(chain, says), within_s=within_s)
    for who in (person, f"{person}-too"):
        chain.told(who, "not delivered", within_s=30)
    eventually(lambda: now() - gone_at >= AWAY, within_s=60)
    assert figures(chain)["outbox_depth"] == 2
    run_time_at(chain, 1)
    comes_back()
    for who in (person, f"{person}-too"):
        chain.told(who, "stored", within_s=CATCH_UP_S)
    assert len(chain.recorded()) == before + 2
    eventually(lambda: not troubles(chain), within_s=CATCH_UP_S)
    heard_anew(chain, CAREFUL)
    assert chain.incident(CAREFUL) is None
    assert chain.mails(CAREFUL) == []
    eventually(lambda: not open_faults(chain, FaultKind.GATEWAY_SILENT), within_s=CATCH_UP_S)


def _says(chain: Chain, what: str) -> bool:
    return any(what in trouble for trouble in troubles(chain))
