from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device.gestures import DOUBLE, LONG, NONE, SINGLE, TRIPLE, Gestures
from device.settings import Settings
from protocols.events import Cause, Stage
from tests.device.rig import Rig


def played(edges: list[tuple[int, bool]], until: int = 60_000) -> list[tuple[int, int]]:
    """The gestures (when, which) of these edges (when, down)."""
    gestures, found = Gestures(Settings()), []

    def run(now: int) -> None:
        while (due := gestures.next_ms()) is not None and due <= now:
            gesture = gestures.take()
            if gesture != NONE:
                found.append((due, gesture))

    for at, down in edges:
        run(at)
        gestures.button(down, at)
    run(until)
    return found


def presses(*starts: int, length: int = 100) -> list[tuple[int, bool]]:
    return [edge for start in starts for edge in ((start, True), (start + length, False))]


def test_one_press_is_decided_when_the_multi_press_gap_has_passed() -> None:
    assert played(presses(0)) == [(600, SINGLE)]


def test_two_presses_are_decided_when_the_gap_after_the_second_has_passed() -> None:
    assert played(presses(0, 300)) == [(900, DOUBLE)]


def test_three_presses_are_decided_at_the_third_release() -> None:
    assert played(presses(0, 300, 600)) == [(700, TRIPLE)]


def test_a_long_press_is_decided_while_the_button_is_still_held() -> None:
    assert played([(0, True)]) == [(1500, LONG)]


def test_two_slow_presses_are_two_single_ones() -> None:
    assert played(presses(0, 700)) == [(600, SINGLE), (1300, SINGLE)]


def test_a_press_that_turns_into_a_long_one_after_a_short_one_is_long() -> None:
    assert played([*presses(0), (300, True), (5000, False)]) == [(1800, LONG)]


@given(st.integers(3, 40))
def test_hammering_on_the_button_never_ends_in_a_cancel(times: int) -> None:
    assert played(presses(*range(0, times * 200, 200))) == [(500, TRIPLE)]


def test_a_press_right_after_a_long_one_says_nothing_more() -> None:
    assert played([(0, True), (1600, False), *presses(1800)]) == [(1500, LONG)]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_bouncing_contacts_are_one_press(bounces: list[int]) -> None:
    edges, now = [(0, True)], 0
    for bounce in bounces:
        now += bounce
        edges += [(now, False), (now + 1, True)]
        now += 1
    assert played([*edges, (now + 100, False)]) == [(now + 600, SINGLE)]


def test_a_lost_release_does_not_disarm_the_button() -> None:
    assert played([(0, True), (5000, True)]) == [(1500, LONG), (6500, LONG)]


@given(st.integers(0, 30_000))
def test_a_late_step_decides_the_same_gesture(late: int) -> None:
    rig = Rig()
    rig.core.button(True, 0)
    rig.core.button(False, 100)
    rig.core.step(600 + late)
    assert rig.report.cause is Cause.TEST


@given(st.integers(0, 30_000))
def test_a_release_that_comes_late_is_still_a_long_press(late: int) -> None:
    rig = Rig()
    rig.core.button(True, 0)
    rig.core.button(False, 1500 + late)
    assert rig.report.cause is Cause.PANIC


def test_idle_gestures_are_test_check_in_discreet_panic_and_panic() -> None:
    assert [Rig().press(times).report.cause for times in (1, 2, 3)] == [
        Cause.TEST,
        Cause.CHECK_IN,
        Cause.DISCREET_PANIC,
    ]
    assert Rig().hold().report.cause is Cause.PANIC


def test_only_the_panics_are_alarms() -> None:
    assert [Rig().press(times).report.stage for times in (1, 2, 3)] == [Stage.NOTICE, Stage.NOTICE, Stage.ALARM]
    assert Rig().hold().report.stage is Stage.ALARM
