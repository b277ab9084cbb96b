from __future__ import annotations

import random

import pytest

from benchmarks.soak.verdict import Series, TooFewSamplesError, judge, slope

HOUR_S = 3600.0


def series(value_of: dict[float, float], part: float = 0.05, amount: float = 3.0) -> Series:
    return Series("hub memory", "MB", sorted(value_of.items()), part, amount)


def noise(seed: int = 1) -> dict[float, float]:
    """Memory that goes up and down by a few megabytes, a sample every five seconds."""
    dice = random.Random(seed)
    return {at * 5.0: 200 + dice.gauss(0, 4) for at in range(720)}


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_growth(seed: int) -> None:
    assert not judge(series(noise(seed)), HOUR_S).grows


@pytest.mark.parametrize("seed", range(20))
def test_a_leak_of_forty_megabytes_an_hour_is_found_in_the_noise(seed: int) -> None:
    leaking = {at: value + 40 * at / HOUR_S for at, value in noise(seed).items()}
    verdict = judge(series(leaking), HOUR_S)
    assert verdict.grows
    assert verdict.growth == pytest.approx(20, abs=5)


def test_a_handle_lost_at_each_of_ten_faults_is_found() -> None:
    handles = {at * 5.0: 20.0 + at * 5 // 360 for at in range(720)}
    assert judge(series(handles, part=0.0, amount=3.0), HOUR_S).grows


def test_what_fills_in_the_first_half_and_stays_is_no_leak() -> None:
    filling = {at: value - 100 * max(0.0, 1 - at / 1500) for at, value in noise().items()}
    assert not judge(series(filling), HOUR_S).grows


def test_peaks_while_something_is_mended_bend_nothing() -> None:
    peaks = noise()
    for at in list(peaks)[::6]:
        peaks[at] += 500
    assert not judge(series(peaks), HOUR_S).grows


def test_a_leak_is_found_between_peaks() -> None:
    leaking = {at: value + 60 * at / HOUR_S for at, value in noise().items()}
    for at in list(leaking)[::6]:
        leaking[at] += 500
    assert judge(series(leaking), HOUR_S).grows


def test_what_gets_less_does_not_grow() -> None:
    assert not judge(series({at: value - at / 20 for at, value in noise().items()}), HOUR_S).grows


def test_lateness_that_grows_with_the_database_is_found() -> None:
    late = {at * 5.0: 50 + 2000 * at / 720 for at in range(720)}
    assert judge(Series("receipts", "ms", sorted(late.items()), part=0.5, amount=100), HOUR_S).grows


def test_too_few_samples_are_said_to_be_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="hub memory: 3 samples"):
        judge(series(dict.fromkeys((1.0, 2.0, 3.0, 60.0, 70.0, 80.0), 1.0)), 100.0)


def test_samples_of_one_moment_have_no_slope() -> None:
    assert slope([(1.0, 5.0), (1.0, 9.0)]) == 0.0
