from __future__ import annotations

import dataclasses
import math
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from device.core import Core
from device.detector import Detector
from device.motion import root
from device.settings import Settings
from protocols.ble import aes, bthome
from protocols.events import Cause, Stage
from simulator.falls import recordings
from simulator.falls.score import alarms
from tests.device.rig import ADDRESS, KEY, ROOT, Flash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from simulator.falls.recordings import Recording

Sample = tuple[int, int, int]
PERIOD_MS = 20
UPRIGHT, LYING, HIT = (0, -1000, 0), (1000, 0, 0), (1500, -1800, 900)
WALKING = ("D01", "D02")


def falls(samples: Iterable[Sample], period_ms: int = PERIOD_MS) -> list[float]:
    """When, in seconds, a fall was reported."""
    detector = Detector(Settings())
    return [at * period_ms / 1000 for at, sample in enumerate(samples) if detector.motion(*sample, at * period_ms)]


def staged(before: Sample = UPRIGHT, hit: Sample = HIT, after: Sample = LYING, rest_s: int = 4) -> list[Sample]:
    return [before] * 150 + [hit, before] * 10 + [after] * (rest_s * 1000 // PERIOD_MS)


def test_impact_then_lying_still_is_one_fall() -> None:
    assert len(falls(staged())) == 1


def test_it_is_reported_a_second_and_a_half_after_the_impact() -> None:
    assert 4.4 <= falls(staged())[0] <= 4.5


def test_a_hard_step_that_ends_upright_is_no_fall() -> None:
    assert falls(staged(after=UPRIGHT)) == []


def test_lying_down_gently_is_no_fall() -> None:
    assert falls(staged(hit=(0, -1100, 0))) == []


def test_a_knock_on_the_device_while_lying_down_is_no_fall() -> None:
    assert falls([UPRIGHT] * 150 + [HIT] + [LYING] * 200) == []


def test_who_stumbles_and_runs_on_has_not_fallen() -> None:
    assert falls(staged(rest_s=0) + [UPRIGHT, (0, -2500, 0)] * 100) == []


def test_a_second_fall_is_found_too() -> None:
    assert len(falls(staged() + staged())) == 2


@given(st.sampled_from([10, 20, 40]))
def test_the_rate_of_the_sensor_does_not_matter(period_ms: int) -> None:
    scaled = [sample for sample in staged() for _ in range(PERIOD_MS // period_ms or 1)]
    samples = scaled if period_ms < PERIOD_MS else scaled[:: period_ms // PERIOD_MS]
    assert len(falls(samples, period_ms)) == 1


def test_a_gap_in_the_samples_forgets_what_was_before() -> None:
    detector, samples = Detector(Settings()), staged()
    found = [
        detector.motion(*sample, at * PERIOD_MS + (60_000 if at > 170 else 0)) for at, sample in enumerate(samples)
    ]
    assert not any(found)


@given(st.lists(st.tuples(*[st.integers(-16_000, 16_000)] * 3), max_size=300), st.integers(1, 5_000))
@example([HIT] * 300, 1)
def test_no_samples_at_any_rate_break_it(samples: list[Sample], period_ms: int) -> None:
    falls(samples, period_ms)


@given(st.integers(0, 3 * 16_000**2), st.integers(-5, 30_000))
def test_the_root_is_within_one(square: int, guess: int) -> None:
    assert abs(root(square, guess) - square**0.5) <= 1.001


# Recordings made by others


def of_sisfall() -> Iterator[Recording]:
    """A tenth of the falls of SisFall and all its walks."""
    folder = os.environ.get("TOCSIN_FALL_DATA")
    if not folder:
        pytest.skip("NOT TESTED against recorded falls: TOCSIN_FALL_DATA does not name the folder of the recordings")
    for number, one in enumerate(recordings.of_table(Path(folder) / "sisfall_waist_100hz.csv")):
        if one.activity in WALKING or number % 10 == 7:
            yield one


def test_recorded_falls_are_found_and_recorded_walks_are_not_falls() -> None:
    found, missed, false = 0, [], []
    for one in of_sisfall():
        reported = alarms(one)
        if one.impact_s is not None and any(one.impact_s < at <= one.impact_s + 1.6 for at in reported):
            found += 1
        elif one.impact_s is not None:
            missed.append(one.name)
        elif one.activity in WALKING and reported:
            false.append(one.name)
    assert found > 100
    assert len(missed) <= found * 0.02, missed
    assert false == []


def turned(one: Recording, dice: random.Random) -> Recording:
    """The same, with the sensor sewn in some other way round."""
    a, b, c = (dice.uniform(-math.pi, math.pi) for _ in range(3))
    rows = (
        (math.cos(a) * math.cos(b), math.cos(a) * math.sin(b) * math.sin(c) - math.sin(a) * math.cos(c),
         math.cos(a) * math.sin(b) * math.cos(c) + math.sin(a) * math.sin(c)),
        (math.sin(a) * math.cos(b), math.sin(a) * math.sin(b) * math.sin(c) + math.cos(a) * math.cos(c),
         math.sin(a) * math.sin(b) * math.cos(c) - math.cos(a) * math.sin(c)),
        (-math.sin(b), math.cos(b) * math.sin(c), math.cos(b) * math.cos(c)),
    )  # fmt: skip
    samples = [
        tuple(round(sum(r * v for r, v in zip(row, sample, strict=True))) for row in rows) for sample in one.samples
    ]
    return dataclasses.replace(one, samples=samples)


def test_how_the_sensor_is_turned_does_not_matter() -> None:
    dice, other, all_ = random.Random(5), [], 0
    for number, one in enumerate(of_sisfall()):
        if number % 4 == 0:
            all_ += 1
            other += [one.name] if bool(alarms(one)) != bool(alarms(turned(one, dice))) else []
    assert all_ > 50
    assert len(other) <= 0.01 * all_, other


def test_a_recorded_fall_is_a_pre_alarm_on_the_air() -> None:
    fall = next(one for one in of_sisfall() if one.impact_s is not None)
    core = Core(aes.block, ROOT, ADDRESS.octets, Flash())
    core.start(0)
    causes = set()
    for at, sample in enumerate(fall.samples):
        core.motion(*sample, round(at * 1000 / fall.rate_hz))
        report = bthome.decode(ADDRESS, KEY, core.output.service_data)
        causes.add((report.cause, report.stage))
    assert causes == {(Cause.HEARTBEAT, Stage.NOTICE), (Cause.FALL, Stage.PRE_ALARM)}
