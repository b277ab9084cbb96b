from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.throttle import FREE, LONGEST, MOST, Throttle, TooManyAttemptsError

KEY = ("acme", "sam", "192.0.2.7")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def fail(throttle: Throttle, times: int, now: datetime = START) -> None:
    for _ in range(times):
        throttle.failed(KEY, now)


def test_a_few_mistakes_cost_nothing() -> None:
    throttle = Throttle()
    fail(throttle, FREE - 1)

    throttle.check(KEY, START)


def test_each_further_mistake_doubles_the_wait_up_to_half_a_minute() -> None:
    waits = []
    for mistakes in range(FREE, FREE + 9):
        throttle = Throttle()
        fail(throttle, mistakes)
        with pytest.raises(TooManyAttemptsError) as refused:
            throttle.check(KEY, START)
        waits.append(refused.value.wait_s)

    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]


@given(st.integers(0, 500))
def test_however_often_somebody_guesses_half_a_minute_later_the_right_password_works(times: int) -> None:
    throttle = Throttle()
    fail(throttle, times)

    throttle.check(KEY, START + LONGEST)


def test_a_try_that_is_refused_prolongs_nothing() -> None:
    throttle = Throttle()
    fail(throttle, FREE + 3)
    for second in range(8):
        with pytest.raises(TooManyAttemptsError):
            throttle.check(KEY, START + timedelta(seconds=second))

    throttle.check(KEY, START + timedelta(seconds=8))


def test_the_right_password_makes_everything_forgotten() -> None:
    throttle = Throttle()
    fail(throttle, FREE + 5)
    throttle.succeeded(KEY)
    fail(throttle, FREE - 1)

    throttle.check(KEY, START)


def test_old_mistakes_are_forgotten() -> None:
    throttle = Throttle()
    fail(throttle, 100)
    fail(throttle, 1, START + timedelta(hours=2))

    throttle.check(KEY, START + timedelta(hours=2))


def test_guessing_at_many_names_fills_no_memory() -> None:
    throttle = Throttle()
    for number in range(MOST + 50):
        throttle.failed(("", str(number), "192.0.2.7"), START)

    assert len(throttle._failures) == MOST
