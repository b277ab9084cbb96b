from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain import hearing
from gateway.domain.hearing import Alive, Answer, Device, Publish, Replayed, decide, key_of, remembering
from protocols.events import Cause, Stage, Told
from tests.gateway.air import frame, opened, panic

if TYPE_CHECKING:
    from gateway.domain.hearing import Effect, EventKey, HeardFrame


def hear(device: Device, *frames: bytes, now: float = 0.0) -> tuple[Device, list[Effect]]:
    done: list[Effect] = []
    for each in frames:
        device, effects = decide(device, opened(each), now=now)
        done += effects
    return device, done


def kinds(effects: list[Effect]) -> list[type]:
    return [type(effect) for effect in effects]


def test_a_heartbeat_is_presence_and_never_an_event() -> None:
    _, effects = hear(Device(), frame(1), frame(2))
    assert kinds(effects) == [Alive, Alive]


def test_a_heartbeat_whose_counter_was_passed_says_nothing() -> None:
    _, effects = hear(Device(), frame(7), frame(7), frame(3))
    assert kinds(effects) == [Alive, Replayed, Replayed]


def test_a_new_alarm_is_published_and_answered_at_once() -> None:
    _, effects = hear(Device(), panic(1))
    assert kinds(effects) == [Publish, Alive, Answer]


def test_a_repeat_of_an_alarm_is_presence_and_not_another_event() -> None:
    device, _ = hear(Device(), panic(1))
    _, effects = hear(device, panic(2, told=Told.STORED), panic(3, told=Told.HELP_SENT))
    assert kinds(effects) == [Alive, Alive]


def test_an_event_with_an_old_counter_is_still_published_but_proves_no_life() -> None:
    device, _ = hear(Device(), frame(50))
    _, effects = hear(device, panic(20))
    assert kinds(effects) == [Publish]


def test_each_stage_of_an_event_is_published() -> None:
    stages = [Stage.PRE_ALARM, Stage.ALARM, Stage.DURESS]
    _, effects = hear(Device(), *(panic(n, stage=stage) for n, stage in enumerate(stages)))
    assert [e.heard.report.stage for e in effects if isinstance(e, Publish)] == stages


def test_the_same_sequence_after_a_reboot_is_another_event() -> None:
    _, effects = hear(Device(), panic(1, epoch=1), panic(2, epoch=2))
    assert kinds(effects).count(Publish) == 2


def test_the_wearer_is_answered_until_the_device_shows_it_and_for_twenty_seconds_at_most() -> None:
    device, _ = hear(Device(), panic(1), now=0.0)
    device, effects = hear(device, panic(2), now=2.0)
    assert kinds(effects) == [Alive, Answer]
    device, effects = hear(device, panic(3, told=Told.HEARD), now=4.0)
    assert kinds(effects) == [Alive]
    _, effects = hear(device, panic(4), now=21.0)
    assert kinds(effects) == [Alive]


def test_a_replayed_alarm_is_not_answered() -> None:
    device, _ = hear(Device(), panic(5))
    _, effects = hear(device, panic(5))
    assert effects == []


def test_an_event_whose_wearer_still_is_not_told_after_thirty_seconds_is_put_to_the_hub_again() -> None:
    device, _ = hear(Device(), panic(1), now=0.0)
    device, early = hear(device, panic(2, told=Told.NOT_DELIVERED), now=29.0)
    device, late = hear(device, panic(3, told=Told.NOT_DELIVERED), now=31.0)
    _, soon = hear(device, panic(4, told=Told.NOT_DELIVERED), now=33.0)
    assert [kinds(early), kinds(late), kinds(soon)] == [[Alive], [Publish, Alive], [Alive]]


def test_a_replay_of_an_untold_alarm_is_no_sign_of_life_and_asks_nobody_again() -> None:
    recorded = [panic(9), panic(10)]
    device, _ = hear(Device(), *recorded, now=0.0)
    asked: list[hearing.Effect] = []
    for second in range(1, 121):
        device, effects = hear(device, *recorded, now=float(second))
        asked += effects
    assert asked == []


def test_recordings_of_frames_that_were_not_heard_ask_once_and_are_spent() -> None:
    device, _ = hear(Device(), panic(1), frame(5_000), now=0.0)
    asked: list[hearing.Effect] = []
    for second in range(0, 3_600, 10):
        device, effects = hear(device, panic(2), panic(3), now=100.0 + second)
        asked += effects
    assert kinds(asked) == [Publish]


def test_an_alarm_of_a_device_that_lost_its_memory_is_put_to_the_hub_although_its_identity_is_known() -> None:
    device, _ = hear(Device(), panic(1), frame(5_000), now=0.0)
    device, effects = hear(device, panic(2), now=86_400.0)
    assert kinds(effects) == [Publish]


def test_who_lost_its_memory_is_put_to_the_hub_also_where_its_counter_was_heard_already() -> None:
    device, _ = hear(Device(), *(panic(counter) for counter in range(1, 200)), frame(5_000), now=0.0)
    _, effects = hear(device, *(panic(counter, age=3) for counter in range(1, 20)), now=86_400.0)
    assert kinds(effects) == [Publish]


def test_what_was_published_before_a_restart_is_not_published_again() -> None:
    device = remembering([key_of(opened(panic(1)).report)], now=0.0)
    _, effects = hear(device, panic(2, told=Told.STORED))
    assert kinds(effects) == [Alive]


def test_what_is_remembered_is_bounded_and_the_newest_is_kept() -> None:
    device = Device()
    for sequence in range(1, 3 * hearing.KNOWN_MAX):
        device, _ = hear(device, panic(sequence, sequence=sequence))
    assert len(device.known) == hearing.KNOWN_MAX
    assert (1, 3 * hearing.KNOWN_MAX - 1, Stage.ALARM) in device.known


class Life(NamedTuple):
    """A device's frames in the order it made them."""

    frames: list[bytes]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Starts, each with events that go through stages, each said in some frames."""
    frames: list[bytes] = []
    for epoch in range(draw(st.integers(1, 3))):
        for sequence in range(draw(st.integers(0, 4))):
            stages = draw(
                st.sampled_from([[Stage.NOTICE], [Stage.PRE_ALARM, Stage.ALARM], [Stage.ALARM, Stage.DURESS]])
            )
            for stage in stages:
                cause = Cause.CHECK_IN if stage is Stage.NOTICE else Cause.FALL
                for _ in range(draw(st.integers(1, 3))):
                    made = frame(len(frames), epoch=epoch + 1, sequence=sequence + 1, cause=cause, stage=stage)
                    frames.append(made)
        frames += [frame(len(frames), epoch=epoch + 1)]
    return Life(frames)


@st.composite
def heard_orders(draw: st.DrawFn) -> list[bytes | None]:
    """What arrives of a life: some frames lost, some often, some late; None = the gateway restarts."""
    life = draw(lives())
    return draw(st.lists(st.sampled_from(life.frames) | st.none(), max_size=60))


def restarted(device: Device) -> Device:
    return remembering(list(device.known), now=0.0)


@settings(max_examples=200)
@given(heard_orders())
def test_in_any_order_of_repeats_losses_and_restarts_each_event_is_published_exactly_once(
    arrivals: list[bytes | None],
) -> None:
    device, published, heard = Device(), [], set()
    for arrival in arrivals:
        if arrival is None:
            device = restarted(device)
            continue
        one = opened(arrival)
        device, effects = decide(device, one, now=0.0)
        published += [key_of(effect.heard.report) for effect in effects if isinstance(effect, Publish)]
        heard |= event_key(one)
    assert sorted(published) == sorted(heard)


def event_key(heard: HeardFrame) -> set[EventKey]:
    return set() if heard.report.is_heartbeat else {key_of(heard.report)}


@settings(max_examples=200)
@given(heard_orders())
def test_presence_never_goes_backwards(arrivals: list[bytes | None]) -> None:
    device, counters = Device(), []
    for arrival in filter(None, arrivals):
        device, effects = decide(device, opened(arrival), now=0.0)
        counters += [effect.heard.report.counter for effect in effects if isinstance(effect, Alive)]
    assert counters == sorted(set(counters))
