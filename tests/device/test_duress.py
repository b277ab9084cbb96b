"""A duress cancel is a cancel to everybody but the hub, whatever follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from device.events import CAPACITY
from device.settings import Settings
from protocols.ble import downlink
from protocols.events import Stage, Told
from tests.device.rig import Rig, fallen

if TYPE_CHECKING:
    from collections.abc import Callable

Step = tuple[str, int]


def receipt(rig: Rig, which: int) -> object:
    """The hub stored an event in the stage in which it got it: a duress as a duress, a cancel as a cancel."""
    events = rig.core._queue.events
    if not events:
        return None
    event = events[which % len(events)]
    return rig.write(downlink.KIND_RECEIPT, event.stage, sequence=event.sequence)


def stage(rig: Rig, which: int) -> object:
    events = rig.core._queue.events
    sequence = events[which % len(events)].sequence if events else 0
    return rig.tell(which % 8, sequence=sequence)


STEPS: dict[str, Callable[[Rig, int], object]] = {
    "wait": lambda rig, ms: rig.run(ms),
    "wait longer": lambda rig, ms: rig.run(60 * ms),
    "press": lambda rig, times: rig.press(1 + times % 4),
    "hold": lambda rig, _: rig.hold(),
    "fall": lambda rig, _: rig.fall(),
    "tamper": lambda rig, _: rig.core.tamper(rig.now),
    "worn": lambda rig, on: rig.core.worn(bool(on % 2), rig.now),
    "battery": lambda rig, percent: rig.core.battery(percent % 101, rig.now),
    "charging": lambda rig, on: rig.core.charging(bool(on % 2), rig.now),
    "heard": lambda rig, _: rig.heard(),
    "receipt": receipt,
    "late receipt of the alarm": lambda rig, _: rig.write(downlink.KIND_RECEIPT, Stage.ALARM),
    "late receipt of the pre-alarm": lambda rig, _: rig.write(downlink.KIND_RECEIPT, Stage.PRE_ALARM),
    "stage": stage,
    "ask": lambda rig, seconds: rig.ask(seconds % 90),
    "locate": lambda rig, seconds: rig.write(downlink.KIND_COMMAND, 2, argument=seconds % 90, sequence=0),
    "alert": lambda rig, level: rig.core.alert(level % 4, rig.now),
    "noise": lambda rig, n: rig.give(bytes([n % 256]) * (n % 30)),
    "again": lambda rig, _: rig.write(downlink.KIND_STAGE, Told.HELP_SENT, sequence=1),
}
steps = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 5000)), max_size=CAPACITY - 4)


def follow(rig: Rig, story: list[Step]) -> list[object]:
    """What the device answers to each step, as far as anybody can tell."""
    answers = []
    for name, value in story:
        answer = STEPS[name](rig, value)
        rig.look()
        answers.append((None if answer is rig else answer, rig.core.next_ms, dict(rig.core.refused)))
    return answers


def pair(begin: Callable[[], Rig], before: list[Step]) -> tuple[Rig, Rig]:
    """Two devices with one past, and no gesture under way."""
    cancelled, coerced = begin(), begin()
    for rig in (cancelled, coerced):
        follow(rig, before)
        rig.run(500)
    return cancelled, coerced


def cancel(cancelled: Rig, coerced: Rig) -> None:
    """One press on one, two on the other, the last of them at the same moment."""
    cancelled.run(250).press(1)
    coerced.press(2)


def seen(rig: Rig) -> list[object]:
    """Changes only: how often somebody looked is no difference."""
    changes: list[object] = []
    for sight in rig.seen:
        if not changes or changes[-1] != sight[1:]:
            changes += [sight.at_ms, sight[1:]]
    return changes


BEGINNINGS: dict[str, Callable[[], Rig]] = {
    "fall": fallen,
    "panic": lambda: Rig().hold().run(600),
    "discreet panic": lambda: Rig().press(3).run(600),
    "panic with a pre-alarm": lambda: (
        Rig(Settings(panic_prealarm_ms=15_000, no_motion_after_ms=20_000)).hold().run(600)
    ),
}


@settings(max_examples=300)
@given(st.sampled_from(sorted(BEGINNINGS)), steps, steps)
def test_nobody_can_tell_a_duress_cancel_from_a_cancel(beginning: str, before: list[Step], after: list[Step]) -> None:
    cancelled, coerced = pair(BEGINNINGS[beginning], before)
    assume(cancelled.core._queue.open())
    cancel(cancelled, coerced)
    assert follow(cancelled, after) == follow(coerced, after)
    cancelled.run(120_000)
    coerced.run(120_000)
    assert seen(cancelled) == seen(coerced)
    assert cancelled.core.next_ms == coerced.core.next_ms


def test_the_hub_can_tell() -> None:
    cancelled, coerced = pair(fallen, [])
    cancel(cancelled, coerced)
    assert (cancelled.report.stage, coerced.report.stage) == (Stage.CANCELLED, Stage.DURESS)


def test_after_a_duress_cancel_no_news_of_help_reaches_the_device() -> None:
    rig = fallen().press(2)
    rig.receipt()
    start = len(rig.seen)
    for told in (Told.PERSON_HAS_IT, Told.HELP_SENT, Told.CLOSED):
        assert rig.tell(told)
    rig.run(60_000)
    assert {(sight.led, sight.buzzer, sight.vibration) for sight in rig.seen[start:]} == {
        ("cancelled", "cancelled", "cancelled"),
        ("off", "off", "off"),
    }


def test_a_duress_that_nobody_stored_looks_like_an_undelivered_cancel() -> None:
    cancelled, coerced = pair(fallen, [])
    cancel(cancelled, coerced)
    assert cancelled.run(20_000).led == coerced.run(20_000).led == "not_delivered"
    assert coerced.report.stage is Stage.DURESS


def test_a_duress_cancel_is_on_the_air_until_it_is_receipted() -> None:
    rig = fallen().press(2).run(600_000)
    assert rig.report.stage is Stage.DURESS
    assert rig.receipt(Stage.CANCELLED)
    assert rig.report.stage is Stage.DURESS
    rig.receipt(Stage.DURESS)
    assert rig.report.is_heartbeat


def test_pressing_in_a_pre_alarm_shows_nothing_until_the_gesture_is_decided() -> None:
    rig = fallen()
    rig.seen.clear()
    rig.button(down=True)
    rig.run(100)
    rig.button(down=False)
    rig.run(499)
    assert {(sight.led, sight.buzzer, sight.vibration) for sight in rig.seen} == {("pre_alarm",) * 3}
    rig.run(1)
    assert rig.led == "cancelled"
