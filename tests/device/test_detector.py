from __future__ import annotations

import array
import csv
import gzip
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import Core
from device.detector import Detector, root
from device.settings import Settings
from protocols.ble import aes, bthome
from protocols.events import Cause, Stage
from tests.device.rig import ADDRESS, KEY, ROOT, Flash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def test_it_is_reported_within_three_seconds_of_the_impact() -> None:
    assert 3.0 < falls(staged())[0] < 6.5


def test_a_hard_step_that_ends_upright_is_no_fall() -> None:
    assert falls(staged(after=UPRIGHT)) == []


def test_lying_down_gently_is_no_fall() -> None:
    assert falls(staged(hit=(0, -1100, 0))) == []


def test_a_knock_on_the_device_while_lying_down_is_no_fall() -> None:
    assert falls([UPRIGHT] * 150 + [HIT] + [LYING] * 200) == []


def test_who_goes_on_moving_has_not_fallen() -> None:
    assert falls(staged(rest_s=0) + [LYING, (2500, 0, 0)] * 100) == []


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
def test_no_samples_at_any_rate_break_it(samples: list[Sample], period_ms: int) -> None:
    falls(samples, period_ms)


@given(st.integers(0, 3 * 16_000**2), st.integers(-5, 30_000))
def test_the_root_is_within_one(square: int, guess: int) -> None:
    assert abs(root(square, guess) - square**0.5) <= 1.001


# Recordings made by others


class Recording(NamedTuple):
    name: str
    activity: str
    is_fall: bool
    impact_s: float
    samples: list[Sample]


def recordings() -> Iterator[Recording]:
    """A tenth of the falls of SisFall and all its walks, at 50 Hz in milli-g."""
    folder = os.environ.get("TOCSIN_FALL_DATA")
    if not folder:
        pytest.skip("NOT TESTED against recorded falls: TOCSIN_FALL_DATA does not name the folder of the recordings")
    base = Path(folder) / "sisfall_waist_100hz"
    counts = array.array("h")
    counts.frombytes(gzip.decompress(base.with_suffix(".i16.gz").read_bytes()))
    if sys.byteorder == "big":
        counts.byteswap()
    with base.with_suffix(".csv").open() as rows:
        chosen = [row for row in csv.DictReader(rows) if row["activity"] in WALKING or row["rec"].endswith("7")]
    for row in chosen:
        yield recording(row, counts)


def recording(row: dict[str, str], counts: array.array[int]) -> Recording:
    first, end, per_g = int(row["offset"]), int(row["offset"]) + int(row["n"]), int(row["counts_per_g"])
    samples = [
        (counts[3 * at] * 1000 // per_g, counts[3 * at + 1] * 1000 // per_g, counts[3 * at + 2] * 1000 // per_g)
        for at in range(first, end, 2)
    ]
    name = f"{row['subject']} {row['activity']} {row['trial']}"
    return Recording(name, row["activity"], row["is_fall"] == "1", int(row["impact_idx"]) / 100, samples)


def test_recorded_falls_are_found_and_recorded_walks_are_not_falls() -> None:
    found, missed, false = 0, [], []
    for one in recordings():
        reported = falls(one.samples)
        if one.is_fall and any(one.impact_s < at < one.impact_s + 4.5 for at in reported):
            found += 1
        elif one.is_fall:
            missed.append(one.name)
        elif one.activity in WALKING and reported:
            false.append(one.name)
    assert found > 100
    assert len(missed) <= found * 0.03, missed
    assert false == []


def test_a_recorded_fall_is_a_pre_alarm_on_the_air() -> None:
    fall = next(one for one in recordings() if one.is_fall)
    core = Core(aes.block, ROOT, ADDRESS.octets, Flash())
    core.start(0)
    causes = set()
    for at, sample in enumerate(fall.samples):
        core.motion(*sample, at * PERIOD_MS)
        report = bthome.decode(ADDRESS, KEY, core.output.service_data)
        causes.add((report.cause, report.stage))
    assert causes == {(Cause.HEARTBEAT, Stage.NOTICE), (Cause.FALL, Stage.PRE_ALARM)}
