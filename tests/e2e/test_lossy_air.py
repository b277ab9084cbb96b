"""200 presses with 35 % of the adverts arriving and two gateways, a few of them at the same time."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.e2e.chain import running_chain, world_file
from tests.services import mosquitto, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.chain import Chain

PEOPLE = [f"worker-{number}" for number in range(200)]
AT_ONCE = 3
HOLD_S = 1.5

pytestmark = pytest.mark.timeout(900)


def test_two_hundred_presses_through_thirty_five_percent_of_the_air(tmp_path: Path) -> None:
    world = world_file(tmp_path, PEOPLE, loss=0.65)
    with running(mosquitto(tmp_path)) as broker, running_chain(tmp_path, world, mqtt_port=broker.port) as chain:
        pressed, stored = _press_everybody(chain)
        mailed = _mailed(chain)
        to_mail = [mailed[person] - at for person, at in pressed.items()]
        to_stored = [stored[person] - at for person, at in pressed.items()]
        print(f"to mail: p50 {_quantile(to_mail, 0.5):.2f} s, p99 {_quantile(to_mail, 0.99):.2f} s")  # noqa: T201
        print(f"to stored: p50 {_quantile(to_stored, 0.5):.2f} s, p99 {_quantile(to_stored, 0.99):.2f} s")  # noqa: T201
        assert _quantile(to_mail, 0.99) <= 5
        assert _quantile(to_stored, 0.99) <= 15


def _press_everybody(chain: Chain) -> tuple[dict[str, float], dict[str, float]]:
    """When each alarm began, and when each device showed *stored*; both in seconds of the epoch."""
    pressed: dict[str, float] = {}
    stored: dict[str, float] = {}
    give_up = time.time() + 700
    waiting = list(PEOPLE)
    while len(stored) < len(PEOPLE):
        assert time.time() < give_up, f"never stored: {sorted(set(PEOPLE) - set(stored))}"
        if waiting and len(pressed) - len(stored) < AT_ONCE:
            person = waiting.pop(0)
            chain.act(person, "hold")
            pressed[person] = time.time() + HOLD_S
        _look(chain, pressed, stored)
    return pressed, stored


def _look(chain: Chain, pressed: dict[str, float], stored: dict[str, float]) -> None:
    for person in chain.site.get("/people").json():
        name = person["name"]
        if name in pressed and name not in stored and time.time() > pressed[name] and person["told"] == "stored":
            stored[name] = time.time()


def _mailed(chain: Chain) -> dict[str, float]:
    """When the mail of each worker's alarm was handed over; each exactly once.

    The ladder's next rung, a minute later, is another mail: its subject says how long ago it happened.
    """
    times: dict[str, list[float]] = {}
    for mail in (mail for mail in chain.mails("alarm: panic") if "happened" not in mail["subject"]):
        name = mail["subject"].rpartition(": ")[2].lower()
        times.setdefault(name, []).append(datetime.fromisoformat(mail["at"]).timestamp())
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys(PEOPLE, 1)
    return {name: found[0] for name, found in times.items()}


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, round(share * (len(values) - 1)))]
