from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.button import AGAIN_AFTER_S, Button, Gesture, Phase, arm, decide, is_armed, next_due
from gateway.domain.loop import Change, Loop
from gateway.domain.loop import decide as decide_loop

HOLD_S = 1.5


class Finger:
    """A finger on one button, on a clock that starts at 100."""

    def __init__(self) -> None:
        self.button = Button()
        self.now = 100.0
        self.gestures: list[Gesture] = []

    def wait(self, seconds: float) -> Finger:
        return self._at(self.now + seconds, None)

    def down(self) -> Finger:
        return self._at(self.now, True)

    def up(self) -> Finger:
        return self._at(self.now, False)

    def press(self, seconds: float, then: float = 0.0) -> Finger:
        return self.down().wait(seconds).up().wait(then)

    def _at(self, now: float, down: bool | None) -> Finger:
        self.now = now
        self.button, gestures = decide(self.button, hold_s=HOLD_S, now=now, down=down)
        self.gestures += gestures
        return self


def test_held_for_the_hold_time_it_calls_for_help() -> None:
    finger = Finger().down().wait(1.49)
    assert finger.gestures == []
    assert finger.wait(0.01).gestures == [Gesture.HELD]


def test_a_short_press_is_no_alarm_and_says_so() -> None:
    assert Finger().press(1.4, then=60).gestures == [Gesture.TOO_SHORT]


def test_a_contact_that_bounces_does_not_end_a_hold() -> None:
    finger = Finger()
    for _ in range(10):
        finger.down().wait(0.004).up().wait(0.004)
    finger.down().wait(0.7).up().wait(0.03).down().wait(0.8)
    assert finger.gestures == [Gesture.HELD]


def test_a_spike_on_the_wire_is_no_press() -> None:
    finger = Finger()
    for _ in range(100):
        finger.down().wait(0.01).up().wait(0.5)
    assert finger.gestures == []


def test_a_release_that_is_seen_only_after_the_hold_time_ended_the_hold_all_the_same() -> None:
    finger = Finger().down().wait(1.48).up().wait(5)
    assert finger.gestures == [Gesture.TOO_SHORT]


def test_a_stuck_button_is_one_alarm_and_a_fault_that_ends_when_it_comes_free() -> None:
    finger = Finger().down().wait(3600)
    assert finger.gestures == [Gesture.HELD, Gesture.WENT_STUCK]
    assert finger.button.phase is Phase.STUCK
    assert finger.up().wait(1).gestures == [Gesture.HELD, Gesture.WENT_STUCK, Gesture.CAME_FREE]
    assert finger.press(1.6, then=1).gestures[3:] == [Gesture.HELD]


def test_held_again_at_once_is_the_same_call_for_help() -> None:
    finger = Finger().press(2, then=1).press(2, then=1)
    assert finger.gestures == [Gesture.HELD]
    assert finger.wait(AGAIN_AFTER_S).press(2).gestures == [Gesture.HELD, Gesture.HELD]


@pytest.mark.parametrize("length", [0.06, 0.3, 0.6, 1.0, 1.4])
@pytest.mark.parametrize("pause", [0.06, 0.2, 0.5, 0.9, 1.5, 3.0, 6.0])
def test_whoever_presses_three_times_wants_help_however_long_and_however_slowly(length: float, pause: float) -> None:
    finger = Finger()
    for _ in range(3):
        finger.press(length, then=pause)
    assert finger.gestures.count(Gesture.HAMMERED) == 1
    assert Gesture.TESTED not in finger.gestures


@given(st.lists(st.tuples(st.floats(0.06, 2.0), st.floats(0.06, 3.0)), min_size=3, max_size=12))
def test_repeated_presses_are_always_an_alarm_and_never_a_test(presses: list[tuple[float, float]]) -> None:
    finger = Finger()
    for length, pause in presses:
        finger.press(length, then=pause)
    assert {Gesture.HAMMERED, Gesture.HELD} & set(finger.gestures)
    assert Gesture.TESTED not in finger.gestures


def test_two_short_presses_and_a_hold_are_one_alarm() -> None:
    finger = Finger().press(0.3, then=1.5).press(0.3, then=1.5).press(2.0, then=1)
    assert finger.gestures == [Gesture.TOO_SHORT, Gesture.TOO_SHORT, Gesture.HAMMERED]


def test_two_presses_a_minute_apart_call_nobody() -> None:
    finger = Finger().press(0.3, then=60).press(0.3, then=60).press(0.3, then=60)
    assert finger.gestures == [Gesture.TOO_SHORT] * 3


def armed(finger: Finger) -> Finger:
    finger.button = arm(finger.button, now=finger.now)
    return finger


def test_in_test_mode_a_hold_is_a_test_once_and_a_second_one_is_an_alarm_at_once() -> None:
    finger = armed(Finger()).wait(5).press(2, then=1)
    assert finger.gestures == [Gesture.TESTED]
    assert not is_armed(finger.button, now=finger.now)
    assert finger.press(2, then=1).gestures == [Gesture.TESTED, Gesture.HELD]


def test_in_test_mode_repeated_presses_are_an_alarm_and_end_it() -> None:
    finger = armed(Finger())
    for _ in range(3):
        finger.press(0.4, then=0.4)
    assert Gesture.HAMMERED in finger.gestures
    assert not is_armed(finger.button, now=finger.now)


def test_test_mode_ends_by_itself_after_two_minutes() -> None:
    finger = armed(Finger()).wait(119)
    assert is_armed(finger.button, now=finger.now)
    assert finger.press(2, then=1).gestures == [Gesture.HELD]
    assert not is_armed(finger.button, now=finger.now)


def test_a_hold_that_began_before_test_mode_is_an_alarm() -> None:
    finger = armed(Finger().down().wait(0.5)).wait(2)
    assert finger.gestures == [Gesture.HELD]


def test_pressed_when_the_gateway_starts_it_calls_for_help() -> None:
    button, _ = decide(Button(), hold_s=HOLD_S, now=5.0, down=True)
    assert decide(button, hold_s=HOLD_S, now=6.5)[1] == (Gesture.HELD,)


@given(st.lists(st.tuples(st.floats(0.001, 40), st.booleans()), max_size=60))
def test_however_it_is_handled_it_never_calls_twice_within_ten_seconds_and_is_stuck_at_most_once_per_hold(
    moves: list[tuple[float, bool]],
) -> None:
    button, now, called, stuck = Button(), 0.0, [], False
    for seconds, down in moves:
        now += seconds
        button, gestures = decide(button, hold_s=HOLD_S, now=now, down=down)
        for gesture in gestures:
            if gesture in {Gesture.HELD, Gesture.HAMMERED}:
                called.append(button.called)
            if gesture in {Gesture.WENT_STUCK, Gesture.CAME_FREE}:
                assert stuck is (gesture is Gesture.CAME_FREE)
                stuck = not stuck
        due = next_due(button, hold_s=HOLD_S)
        assert due is None or due > now - 1e-9
    assert all(later - earlier >= AGAIN_AFTER_S for earlier, later in pairwise(called))


@given(st.floats(1.5, 14), st.lists(st.floats(0.001, 0.04), max_size=8))
def test_no_bounce_hides_a_long_hold(held: float, bounces: list[float]) -> None:
    finger = Finger().down()
    for gap in bounces:
        finger.wait(held / (len(bounces) + 1)).up().wait(gap).down()
    finger.wait(held)
    assert finger.gestures == [Gesture.HELD]


def test_a_cut_cable_is_believed_after_a_second_and_said_once() -> None:
    loop, changes = decide_loop(Loop(), now=10.0, is_open=True)
    assert changes == ()
    loop, changes = decide_loop(loop, now=10.5, is_open=False)
    loop, changes = decide_loop(loop, now=10.6, is_open=True)
    assert decide_loop(loop, now=11.5)[1] == ()
    loop, changes = decide_loop(loop, now=11.6)
    assert changes == (Change.BROKE,)
    assert decide_loop(loop, now=3600)[1] == ()
    loop, _ = decide_loop(loop, now=3601, is_open=False)
    assert decide_loop(loop, now=3602)[1] == (Change.MENDED,)
