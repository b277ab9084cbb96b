"""A hub that is stopped in the middle of everything (SIGSTOP) and goes on half a minute later.

The world's time runs four times as fast, so that the pause is two minutes for people, devices and gateways, longer than
the silence that counts in a session of high risk.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from hub.domain.session import Risk
from hub.store.faults import FaultKind
from simulator.deployment import Deployment
from tests.faults.breaking import monotonic
from tests.faults.ledger import assert_each_alarm_notified, assert_recorded_once
from tests.faults.scene import chain_of, expected, figures, heard_anew, open_faults, plan, run_time_at, small_world
from tests.services import eventually, mosquitto, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.chain import Chain

FAST: Final = 4
PAUSE_S: Final = 30.0
CALLERS: Final = [f"caller-{number}" for number in range(8)]
CAREFUL, QUIET = "careful", "quiet"
"""Heard all the time; the one in a session of high risk, the other of normal risk."""
NOT_DELIVERED: Final = timedelta(seconds=20)
LATE: Final = timedelta(seconds=15 * FAST)
"""What a slow machine makes of a moment."""
CATCH_UP_S: Final = 60

pytestmark = pytest.mark.timeout(240)


def test_a_hub_that_stands_still_is_noticed_and_goes_on_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    world = small_world(tmp_path, [*CALLERS, CAREFUL, QUIET])
    with (
        running(mosquitto(tmp_path)) as broker,
        chain_of(Deployment(plan(tmp_path, world, mqtt_port=broker.port))) as chain,
    ):
        run_time_at(chain, FAST)
        chain.session(CAREFUL, Risk.HIGH)
        chain.session(QUIET)
        heard_anew(chain, CAREFUL, QUIET)
        hub = chain.deployment.parts["hub"]
        hub.freeze()
        frozen_at = monotonic()
        _call_and_be_told_the_truth(chain)
        eventually(lambda: figures(chain)["hub_online"] == 0, within_s=60)
        eventually(lambda: monotonic() - frozen_at >= PAUSE_S, within_s=PAUSE_S + 10)
        assert figures(chain)["outbox_depth"] == len(CALLERS)
        assert chain.recorded() == []
        hub.thaw()
        _assert_all_is_well(chain)


def _call_and_be_told_the_truth(chain: Chain) -> None:
    """Everybody presses; nobody is told *stored*, and 20 s later each is told that it went nowhere."""
    now = chain.deployment.hosted.time.now
    for caller in CALLERS:
        chain.act(caller, "hold")
    pressed_at = now()
    for caller in CALLERS:
        eventually(lambda who=caller: chain.person(who)["sequence"] == 1, within_s=20)
    for caller in CALLERS:
        chain.told(caller, "not delivered", within_s=30)
    assert NOT_DELIVERED <= now() - pressed_at <= NOT_DELIVERED + LATE


def _assert_all_is_well(chain: Chain) -> None:
    for caller in CALLERS:
        chain.told(caller, "stored", within_s=CATCH_UP_S)
    assert_recorded_once(chain, expected(*CALLERS))
    assert assert_each_alarm_notified(chain) == 0
    heard_anew(chain, CAREFUL, QUIET)
    assert chain.incident(CAREFUL) is None
    assert not chain.mails("careful")
    assert open_faults(chain, FaultKind.DEVICE_SILENT) == []
    eventually(lambda: figures(chain)["hub_online"] == 1, within_s=20)
    assert figures(chain)["outbox_depth"] == 0
