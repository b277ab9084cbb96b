from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.events import Cause, Stage, Told
from tests.device.rig import Rig, fallen


def test_a_panic_is_sending_until_somebody_hears_it() -> None:
    rig = Rig().hold()
    assert (rig.led, rig.core.told) == ("sending", Told.NOTHING)


def test_heard_stored_a_person_has_it_help_sent_closed() -> None:
    rig = Rig().hold()
    said = []
    for answer in (rig.heard, rig.receipt, *(lambda told=told: rig.tell(told) for told in (3, 4, 6))):
        assert answer()
        said.append((rig.led, rig.report.told))
    assert said == [
        ("heard", Told.HEARD),
        ("stored", Told.STORED),
        ("person_has_it", Told.PERSON_HAS_IT),
        ("help_sent", Told.HELP_SENT),
        ("closed", Told.CLOSED),
    ]


def test_without_a_receipt_the_wearer_is_told_so_at_twenty_seconds_sharp() -> None:
    rig = Rig().hold()
    rig.run(500)
    rig.heard()
    rig.run(19_499)
    assert rig.led == "heard"
    rig.run(1)
    assert (rig.led, rig.report.told) == ("not_delivered", Told.NOT_DELIVERED)
    assert rig.core.output.buzzer == rig.core.output.vibration == "not_delivered"


def test_not_delivered_gives_way_to_stored() -> None:
    rig = Rig().hold().run(25_000)
    rig.receipt()
    assert rig.led == "stored"


def test_being_heard_is_no_comfort_after_not_delivered() -> None:
    rig = Rig().hold().run(25_000)
    assert rig.heard()
    assert rig.led == "not_delivered"


def test_the_receipt_of_the_pre_alarm_does_not_speak_for_the_alarm() -> None:
    rig = fallen()
    rig.receipt()
    rig.run(30_000)
    assert (rig.core.stage, rig.led, rig.report.told) == (Stage.ALARM, "sending", Told.NOTHING)
    assert rig.receipt(Stage.PRE_ALARM)
    assert rig.led == "sending"
    assert rig.core.output.interval_ms == 150
    rig.receipt(Stage.ALARM)
    assert rig.led == "stored"


def test_a_heard_of_the_pre_alarms_frame_does_not_speak_for_the_alarm() -> None:
    rig = fallen()
    old = rig.report.counter
    rig.hold()
    assert not rig.give(rig.sealed(0, old, 1, 0))
    assert rig.led == "sending"


def test_help_sent_is_never_taken_back_to_a_person_has_it() -> None:
    rig = Rig().hold()
    rig.receipt()
    rig.tell(Told.HELP_SENT)
    assert rig.tell(Told.PERSON_HAS_IT)
    assert rig.led == "help_sent"


def test_only_a_receipt_says_stored() -> None:
    rig = Rig().hold()
    assert not any(rig.tell(told) for told in (Told.NOTHING, Told.HEARD, Told.STORED, Told.NOT_DELIVERED, 7))
    assert rig.core.refused == {"code": 5}
    assert rig.led == "sending"


def test_a_test_press_is_shown_when_it_is_stored_and_then_the_light_goes_out() -> None:
    rig = Rig().press()
    assert rig.led == "sending"
    rig.receipt()
    assert rig.led == "stored"
    rig.run(5_000)
    assert rig.led == "off"


def test_a_test_press_that_goes_nowhere_says_so() -> None:
    assert Rig().press().run(20_000).led == "not_delivered"


def test_a_receipted_alarm_stays_on_the_air_until_it_is_closed() -> None:
    rig = Rig().hold()
    rig.receipt()
    assert rig.core.output.interval_ms == 1000
    start = len(rig.frames)
    rig.run(3_600_000)
    assert len(rig.frames) - start == 360
    assert (rig.report.cause, rig.report.stage, rig.report.told) == (Cause.PANIC, Stage.ALARM, Told.STORED)
    rig.tell(Told.CLOSED)
    assert rig.report.cause is Cause.HEARTBEAT
    rig.run(5_000)
    assert rig.led == "off"


def test_closing_the_newest_alarm_closes_the_earlier_ones_that_the_hub_has() -> None:
    rig = Rig().hold()
    rig.receipt()
    rig.run(600).press(3)
    rig.core.tamper(rig.now)
    rig.receipt(Stage.ALARM, sequence=3)
    rig.tell(Told.CLOSED, sequence=3)
    told = {event.cause: event.told for event in rig.core._queue.events}
    assert told == {Cause.PANIC: Told.CLOSED, Cause.DISCREET_PANIC: Told.NOTHING, Cause.TAMPER: Told.CLOSED}
    assert rig.report.cause is Cause.DISCREET_PANIC


def test_an_alarm_on_its_way_is_shown_before_the_close_of_a_later_one() -> None:
    rig = Rig().hold()
    rig.core.tamper(rig.now)
    rig.receipt(Stage.ALARM, sequence=2)
    rig.tell(Told.CLOSED, sequence=2)
    assert rig.led == "sending"


def test_closing_an_alarm_does_not_close_a_later_one() -> None:
    rig = Rig().hold()
    rig.receipt()
    rig.run(600).press(3)
    rig.receipt()
    rig.tell(Told.CLOSED, sequence=1)
    assert rig.report.cause is Cause.DISCREET_PANIC


def test_a_pre_alarm_that_the_hub_closes_is_still_promoted() -> None:
    rig = fallen()
    rig.tell(Told.CLOSED)
    rig.run(30_000)
    assert rig.report.stage is Stage.ALARM


def test_a_device_asked_for_an_answer_asks_and_a_press_is_a_check_in() -> None:
    rig = Rig()
    assert rig.ask()
    assert (rig.led, rig.core.output.buzzer, rig.core.output.vibration) == ("asked", "asked", "asked")
    rig.press()
    assert rig.report.cause is Cause.CHECK_IN
    assert rig.led == "sending"


def test_a_question_does_not_cover_a_pre_alarm() -> None:
    rig = fallen()
    rig.ask()
    assert rig.led == rig.core.output.buzzer == "pre_alarm"
    assert rig.press().report.stage is Stage.CANCELLED


def test_the_question_ends_after_its_time() -> None:
    rig = Rig()
    rig.ask(seconds=30)
    assert rig.run(29_999).led == "asked"
    assert rig.run(1).led == "off"
    assert rig.press().report.cause is Cause.TEST


def test_locate_sounds_for_as_long_as_it_is_told_to() -> None:
    rig = Rig()
    rig.write(3, 2, argument=7, sequence=0)
    assert rig.core.output.buzzer == "locate"
    assert rig.run(6_999).core.output.buzzer == "locate"
    assert rig.run(1).core.output.buzzer == "off"


def test_an_immediate_alert_sounds_and_does_nothing_else() -> None:
    rig = Rig()
    before = (rig.core.output.service_data, rig.led, rig.core.output.vibration, rig.core.output.interval_ms)
    rig.core.alert(2, 10)
    assert rig.core.output.buzzer == "alert_high"
    rig.core.alert(1, 10)
    assert rig.core.output.buzzer == "alert_mild"
    assert before == (rig.core.output.service_data, rig.led, rig.core.output.vibration, rig.core.output.interval_ms)
    rig.core.alert(0, 11)
    assert rig.core.output.buzzer == "off"


def test_an_immediate_alert_can_not_cover_what_the_device_has_to_say() -> None:
    rig = fallen()
    rig.core.alert(2, rig.now)
    assert rig.core.output.buzzer == "pre_alarm"


def test_an_immediate_alert_nobody_ends_ends_by_itself() -> None:
    rig = Rig()
    rig.core.alert(2, 0)
    assert rig.run(10_000).core.output.buzzer == "off"


@given(st.integers().filter(lambda level: level not in {0, 1, 2}))
def test_an_unknown_alert_level_is_counted(level: int) -> None:
    rig = Rig()
    rig.core.alert(level, 0)
    assert rig.core.refused == {"alert": 1}
    assert rig.core.output.buzzer == "off"


def test_a_low_battery_is_reported_once_until_it_was_charged() -> None:
    rig = Rig()
    for percent in (30, 20, 19, 21, 20):
        rig.core.battery(percent, 0)
    assert (rig.report.cause, rig.core.sequence, rig.led) == (Cause.LOW_BATTERY, 1, "low_battery")
    rig.core.charging(True, 1)
    assert rig.led == "charging"
    rig.core.battery(80, 2)
    rig.core.charging(False, 3)
    assert rig.led == "off"
    rig.core.battery(20, 4)
    assert rig.core.sequence == 2


def test_a_device_taken_off_the_charger_too_early_says_that_its_battery_is_low() -> None:
    rig = Rig()
    rig.core.charging(True, 0)
    rig.core.battery(10, 0)
    assert rig.core.sequence == 0
    rig.core.charging(False, 1)
    assert rig.report.cause is Cause.LOW_BATTERY
