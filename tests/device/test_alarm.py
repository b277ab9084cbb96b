"""How alarms begin, end and share the air."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import GESTURES, PRE_ALARM, STAGES
from device.events import CAPACITY
from device.settings import Settings
from protocols.ble import layout
from protocols.events import Cause, Stage, Told
from tests.device.rig import Rig, fallen


def test_a_fall_begins_as_a_pre_alarm_on_the_air_and_to_the_wearer() -> None:
    rig = fallen()
    assert (rig.report.cause, rig.report.stage) == (Cause.FALL, Stage.PRE_ALARM)
    assert (rig.led, rig.core.output.buzzer, rig.core.output.vibration) == ("pre_alarm", "pre_alarm", "pre_alarm")


@given(st.booleans(), st.integers(0, 100_000))
def test_a_pre_alarm_is_an_alarm_at_its_deadline_however_late_the_step(receipted: bool, late: int) -> None:
    rig = fallen(Settings(not_delivered_ms=1_000_000))
    if receipted:
        rig.receipt()
    began = next(seen.at_ms for seen in rig.seen if seen.led == "pre_alarm")
    rig.now = began + 29_999
    rig.core.step(rig.now)
    assert rig.report.stage is Stage.PRE_ALARM
    rig.core.step(began + 30_000 + late)
    assert rig.report.stage is Stage.ALARM
    assert rig.report.identity.sequence == 1
    assert rig.report.age_s == late // 1000


def test_a_cancelled_pre_alarm_is_never_an_alarm() -> None:
    rig = fallen().press()
    rig.run(3_600_000)
    assert Stage.ALARM not in {report.stage for report in rig.reports}
    assert rig.report.stage is Stage.CANCELLED


def test_a_press_begun_before_the_deadline_and_decided_after_it_still_cancels() -> None:
    rig = fallen().run(29_800)
    rig.press()
    assert rig.report.stage is Stage.CANCELLED


def test_a_long_press_makes_a_pre_alarm_an_alarm_at_once() -> None:
    rig = fallen()
    rig.hold()
    assert (rig.report.cause, rig.report.stage, rig.core.sequence) == (Cause.FALL, Stage.ALARM, 1)


def test_three_presses_make_a_pre_alarm_a_silent_alarm() -> None:
    rig = fallen().press(3)
    assert (rig.report.cause, rig.report.stage, rig.core.sequence) == (Cause.FALL, Stage.ALARM, 1)
    assert (rig.led, rig.core.output.buzzer) == ("off", "off")


def test_an_alarm_that_went_out_can_be_cancelled_by_the_wearer_and_looks_cancelled() -> None:
    rig = Rig().hold()
    rig.receipt()
    rig.run(2_000).press()
    assert (rig.report.cause, rig.report.stage, rig.report.identity.sequence) == (Cause.PANIC, Stage.CANCELLED, 1)
    assert rig.led == "cancelled"
    assert rig.run(5_000).led == "off"


def test_a_cancel_is_on_the_air_like_an_alarm_until_it_is_receipted() -> None:
    rig = fallen().press()
    assert rig.core.output.interval_ms == 150
    rig.receipt()
    assert rig.report.cause is Cause.HEARTBEAT


def test_a_panic_with_a_pre_alarm_can_be_cancelled_or_hurried() -> None:
    settings = Settings(panic_prealarm_ms=10_000)
    assert Rig(settings).hold().report.stage is Stage.PRE_ALARM
    assert Rig(settings).hold().run(600).press().report.stage is Stage.CANCELLED
    assert Rig(settings).hold().run(600).hold().report.stage is Stage.ALARM
    assert Rig(settings).hold().run(10_000).report.stage is Stage.ALARM


def test_no_motion_is_a_pre_alarm_and_is_told_once_until_somebody_moves() -> None:
    rig = Rig(Settings(no_motion_after_ms=60_000)).run(59_999)
    assert rig.core.sequence == 0
    rig.run(1)
    assert (rig.report.cause, rig.report.stage) == (Cause.NO_MOTION, Stage.PRE_ALARM)
    rig.run(600_000)
    assert (rig.report.stage, rig.core.sequence) == (Stage.ALARM, 1)


def test_after_a_cancel_stillness_is_watched_again() -> None:
    rig = Rig(Settings(no_motion_after_ms=60_000)).run(60_000).press()
    rig.receipt()
    rig.run(61_000)
    assert (rig.report.stage, rig.core.sequence) == (Stage.PRE_ALARM, 2)


def test_who_moves_is_not_still() -> None:
    rig = Rig(Settings(no_motion_after_ms=5_000))
    for step in range(1000):
        rig.sample(0, -1000, 150 if step // 25 % 2 else 0)
    assert rig.core.sequence == 0


def test_who_lies_still_in_the_noise_of_the_sensor_is_still() -> None:
    rig = Rig(Settings(no_motion_after_ms=5_000))
    for step in range(300):
        rig.sample(0, -1000, 12 if step % 2 else 0)
    assert rig.report.cause is Cause.NO_MOTION


@pytest.mark.parametrize("off_body", ["charging", "not worn"])
def test_a_device_on_its_charger_or_hook_may_lie_still(off_body: str) -> None:
    rig = Rig(Settings(no_motion_after_ms=60_000))
    if off_body == "charging":
        rig.core.charging(True, 0)
    else:
        rig.core.worn(False, 0)
    rig.run(600_000)
    assert Cause.NO_MOTION not in {report.cause for report in rig.reports}


def test_a_device_dropped_on_its_charger_has_not_fallen_with_anybody() -> None:
    rig = Rig()
    rig.core.charging(True, 0)
    assert rig.fall().core.sequence == 0


def test_taking_it_off_is_a_notice_and_where_the_setting_says_so_a_pre_alarm() -> None:
    rig = Rig()
    rig.core.worn(False, 0)
    assert (rig.report.cause, rig.report.stage, rig.report.worn) == (Cause.REMOVED, Stage.NOTICE, False)
    strict = Rig(Settings(removed_alarms=True))
    strict.core.worn(False, 0)
    assert strict.report.stage is Stage.PRE_ALARM
    assert strict.run(30_000).report.stage is Stage.ALARM


def test_tampering_is_an_alarm() -> None:
    rig = Rig()
    rig.core.tamper(0)
    assert (rig.report.cause, rig.report.stage) == (Cause.TAMPER, Stage.ALARM)


def test_a_discreet_panic_has_no_light_and_no_sound_at_any_time() -> None:
    rig = Rig().press(3)
    rig.heard()
    rig.receipt()
    rig.tell(Told.PERSON_HAS_IT)
    rig.tell(Told.HELP_SENT)
    vibrations = {seen.vibration for seen in rig.seen}
    rig.tell(Told.CLOSED)
    rig.run(30_000)
    assert {(seen.led, seen.buzzer) for seen in rig.seen} == {("off", "off")}
    assert vibrations == {"off", "heard", "stored", "person_has_it", "help_sent"}


def test_an_undelivered_discreet_panic_is_felt_not_seen() -> None:
    rig = Rig().press(3).run(20_000)
    assert (rig.led, rig.core.output.buzzer, rig.core.output.vibration) == ("off", "off", "not_delivered")


def test_during_a_discreet_panic_the_battery_light_goes_on_as_before() -> None:
    rig = Rig()
    rig.core.battery(10, 0)
    rig.receipt()
    rig.press(3)
    assert rig.led == "low_battery"


def test_where_the_policy_wants_it_a_discreet_panic_shows() -> None:
    assert Rig(Settings(discreet_silent=False)).press(3).led == "sending"


# On the air


def fast_ms(rig: Rig, sequence: int) -> int:
    """For how long the frames of event ``sequence`` were on the air at 5 Hz or more."""
    total = 0
    by_counter = {report.counter: report for report in rig.reports}
    for one, two in zip(rig.seen, rig.seen[1:], strict=False):
        report = by_counter[one.counter]
        of_it = report.identity.sequence == sequence and report.cause is not Cause.HEARTBEAT
        total += two.at_ms - one.at_ms if of_it and one.interval_ms <= 200 else 0
    return total


def test_an_unreceipted_alarm_is_on_the_air_at_5_hz_for_30_s_then_slower_and_never_stops() -> None:
    rig = Rig().hold().run(29_999)
    assert rig.core.output.interval_ms <= 200
    rig.run(1)
    assert rig.core.output.interval_ms == 500
    rig.run(86_400_000)
    assert (rig.report.stage, rig.core.output.interval_ms) == (Stage.ALARM, 500)


ALARMS = st.lists(
    st.tuples(st.sampled_from(["panic", "discreet", "fall", "tamper"]), st.integers(0, 40_000)), max_size=5
)


@given(ALARMS, st.booleans())
def test_every_unreceipted_alarm_is_on_the_air_at_5_hz_for_30_s(alarms: list[tuple[str, int]], busy: bool) -> None:
    rig = Rig()
    for alarm, pause in alarms:
        if busy:
            rig.core.worn(rig.now % 2 == 0, rig.now)
        {"panic": rig.hold, "discreet": lambda: rig.press(3), "fall": rig.fall}.get(
            alarm, lambda: rig.core.tamper(rig.now)
        )()
        rig.look()
        rig.run(pause)
    rig.run(30_000 + 30_000 * len(alarms))
    raised = {report.identity.sequence for report in rig.reports if report.stage is Stage.ALARM}
    alone = {event.sequence for event in rig.core._queue.events if event.stage == Stage.ALARM}
    assert raised == alone
    assert all(fast_ms(rig, sequence) >= 30_000 for sequence in raised)


def test_the_oldest_alarm_has_the_air_until_it_is_receipted_then_the_next() -> None:
    rig = Rig().hold()
    rig.run(600).press(3)
    assert {report.cause for report in rig.run(20_000).reports[-9:]} == {Cause.PANIC}
    rig.receipt(sequence=1)
    assert rig.report.cause is Cause.DISCREET_PANIC
    rig.receipt(sequence=2)
    assert rig.report.cause is Cause.DISCREET_PANIC
    assert rig.core.output.interval_ms == 1000


def test_alarms_whose_fast_time_is_over_take_turns_so_that_a_lost_receipt_silences_none() -> None:
    rig = Rig().hold()
    rig.run(600).press(3).run(60_000)
    start = len(rig.frames)
    rig.run(20_000)
    causes = [report.cause for report in rig.reports[start:]]
    assert causes.count(Cause.PANIC) == causes.count(Cause.DISCREET_PANIC) == 5


def test_a_cancel_or_duress_gets_its_turn_beside_an_alarm_whose_receipt_never_comes() -> None:
    rig = Rig().hold()
    rig.run(600).press(2)
    rig.run(600).hold().run(90_000)
    start = len(rig.frames)
    rig.run(20_000)
    assert {report.stage for report in rig.reports[start:]} == {Stage.ALARM, Stage.DURESS}


def test_an_alarm_takes_the_air_from_a_check_in_which_comes_back_after_the_receipt() -> None:
    rig = Rig().press(2)
    rig.run(100).hold()
    assert rig.report.cause is Cause.PANIC
    rig.receipt(sequence=2)
    assert rig.report.cause is Cause.CHECK_IN
    rig.receipt(sequence=1)
    assert rig.report.cause is Cause.PANIC


def test_a_notice_never_takes_the_air_from_an_unreceipted_alarm() -> None:
    rig = Rig().hold()
    rig.core.battery(10, rig.now)
    rig.look()
    start = len(rig.frames)
    rig.run(120_000)
    assert {report.cause for report in rig.reports[start:]} == {Cause.PANIC}


def test_a_new_alarm_does_not_wait_behind_an_unreceipted_cancel() -> None:
    rig = Rig().hold()
    rig.run(600).press()
    rig.run(600).hold()
    assert (rig.report.stage, rig.report.identity.sequence) == (Stage.ALARM, 2)


def test_a_repeated_panic_on_its_way_is_the_same_event_at_the_fast_rate_again() -> None:
    rig = Rig().hold().run(60_000)
    assert rig.core.output.interval_ms == 500
    rig.hold()
    assert (rig.core.sequence, rig.core.output.interval_ms) == (1, 150)


def test_a_second_fall_in_the_pre_alarm_of_the_first_is_the_same_event() -> None:
    rig = fallen()
    rig.receipt()
    began = rig.core._queue.events[0].stage_ms
    assert rig.fall().core.sequence == 1
    assert rig.run(began + 30_000 - rig.now).report.stage is Stage.ALARM


def test_a_panic_after_the_receipt_of_one_is_a_new_event() -> None:
    rig = Rig().hold()
    rig.receipt()
    rig.run(600).hold()
    assert (rig.core.sequence, rig.report.identity.sequence) == (2, 2)


def test_one_cancel_answers_every_open_alarm() -> None:
    rig = Rig().hold()
    rig.core.tamper(rig.now)
    rig.run(600).press()
    assert {event.stage for event in rig.core._queue.events} == {Stage.CANCELLED}


@given(st.lists(st.sampled_from(["test", "check in", "low battery", "off"]), max_size=3 * CAPACITY))
def test_no_number_of_notices_pushes_out_an_open_alarm(notices: list[str]) -> None:
    rig = Rig()
    rig.core.tamper(0)
    for notice in notices:
        rig.core.worn(notice != "off", rig.now)
        rig.core.battery(10 if notice == "low battery" else 90, rig.now)
        rig.core._raise(layout.CAUSE_CHECK_IN if notice == "check in" else layout.CAUSE_TEST, rig.now)
        rig.run(1)
    assert (rig.report.cause, rig.report.stage) == (Cause.TAMPER, Stage.ALARM)
    assert len(rig.core._queue.events) <= CAPACITY


def test_when_all_places_are_taken_a_cancel_is_given_up_before_a_duress_or_an_alarm() -> None:
    rig = Rig().hold()
    rig.run(600).press(2)
    for _ in range(2 * CAPACITY):
        rig.run(600).hold()
        rig.run(600).press()
    rig.run(600).hold()
    stages = [event.stage for event in rig.core._queue.events]
    assert len(stages) == CAPACITY
    assert stages[0] == Stage.DURESS
    assert stages[-1] == Stage.ALARM


def test_the_sequence_goes_from_65535_to_1_for_0_means_no_event() -> None:
    rig = Rig()
    rig.core.sequence = 0xFFFF
    assert rig.press().report.identity.sequence == 1


# The tables


def test_every_gesture_means_something_in_every_situation() -> None:
    assert len(GESTURES) == 16
    assert all(GESTURES[PRE_ALARM, gesture][1] in STAGES[layout.STAGE_PRE_ALARM] for gesture in (1, 2, 3, 4))


def test_nothing_follows_a_cancel_a_duress_or_a_notice() -> None:
    ends = {stage for stage, following in STAGES.items() if not following}
    assert ends == {Stage.NOTICE, Stage.CANCELLED, Stage.DURESS}
    assert set(STAGES) == set(Stage)
