from __future__ import annotations

import itertools
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from hub.web import accounts
from hub.web.accounts import Origin, WrongPasswordError
from hub.web.throttle import (
    FEW,
    FREE,
    LATELY,
    LONGEST,
    MANY,
    MOST,
    Lane,
    Throttle,
    TooManyAttemptsError,
    around,
    place_of,
)
from tests.hub.web.visitor import PASSWORD
from tests.services import eventually

if TYPE_CHECKING:
    from hub.store.store import Store
    from hub.web.context import Console

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
    throttle.succeeded(KEY, START, "192.0.2.7")
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


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.0.0/16"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("unknown", "unknown")],
)
def test_a_wider_network_is_what_one_attacker_may_have(address: str, network: str) -> None:
    assert around(place_of(address)) == network


def test_of_one_place_one_is_inside_and_of_its_network_a_few() -> None:
    lane = Lane(10, 10, patience_s=0)
    with ExitStack() as inside:
        inside.enter_context(lane.turn("192.0.2.1"))
        with pytest.raises(TooManyAttemptsError), lane.turn("192.0.2.1"):
            pass
        for number in range(1, FEW):
            inside.enter_context(lane.turn(f"192.0.3.{number}"))
        with pytest.raises(TooManyAttemptsError), lane.turn("192.0.4.1"):
            pass
        inside.enter_context(lane.turn("198.51.100.1"))

    with lane.turn("192.0.2.1"):
        pass


def test_an_address_where_somebody_signed_in_lately_has_a_lane_of_its_own_until_somebody_guesses_there() -> None:
    throttle = Throttle()
    throttle.succeeded(KEY, START, "192.0.2.7")

    assert throttle.lane("192.0.2.7", START + LATELY, is_known=False) is throttle.familiar
    assert throttle.lane("192.0.2.8", START, is_known=False) is throttle.others
    assert throttle.lane("192.0.2.7", START + LATELY * 2, is_known=False) is throttle.others
    for _ in range(MANY):
        throttle.failed(KEY, START, "192.0.2.7")
    assert throttle.lane("192.0.2.7", START, is_known=False) is throttle.guessers


def test_a_network_from_which_somebody_guesses_delays_no_other() -> None:
    throttle = Throttle()
    throttle.failed(KEY, START, "192.0.2.7")

    assert throttle.lane("192.0.9.9", START, is_known=False) is throttle.neighbours
    assert throttle.lane("198.51.100.1", START, is_known=False) is throttle.others
    assert throttle.lane("192.0.9.9", START + timedelta(hours=2), is_known=False) is throttle.others


def test_the_right_password_gets_in_while_a_crowd_guesses_from_changing_addresses(
    store: Store, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = PasswordHasher(time_cost=8, memory_cost=1024, parallelism=1).hash("x")
    monkeypatch.setattr(accounts, "_nobodys", lambda: slow)
    throttle, over, numbers = Throttle(), threading.Event(), itertools.count()

    def guess() -> None:
        while not over.is_set():
            number = next(numbers)
            here = Origin(f"{number % 199 + 1}.{number // 199 % 250}.7.{number % 250}", {})
            with suppress(WrongPasswordError, TooManyAttemptsError):
                accounts.authenticate(store, throttle, "acme/nobody", "guess", here)

    crowd = [threading.Thread(target=guess, daemon=True) for _ in range(24)]
    for one in crowd:
        one.start()
    eventually(lambda: next(numbers) > 30)
    try:
        for number in range(5):
            began = time.monotonic()
            assert accounts.authenticate(store, throttle, "acme/sam", PASSWORD, Origin(f"203.0.113.{number}", {}))
            assert time.monotonic() - began < 10
    finally:
        over.set()
        for one in crowd:
            one.join(10)
