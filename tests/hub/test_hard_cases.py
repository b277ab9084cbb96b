"""What was found by people who tried to lose, forge or silence an alarm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.cases import incidents, sessions
from hub.domain.incident import Kind, Outcome, Phase
from hub.domain.matching import Verdict
from hub.domain.session import Risk, SessionTimeError
from hub.store import device_keys, devices, directory
from hub.store.directory import Account, Role
from hub.store.faults import FaultKind
from protocols.events import Cause, Stage, Told
from protocols.ids import WorkerId
from tests.hub.desk import ACME, ADDRESS, Alarm, Message, Office

if TYPE_CHECKING:
    from tests.hub.conftest import Watch

EVENT_TOPIC = "tocsin/v1/acme/north/event"


def _changed(message: Message, **attributes: Any) -> Message:
    return Message(message.topic, json.dumps(json.loads(message.payload) | attributes).encode())


def _close(office: Office, outcome: Outcome = Outcome.GENUINE) -> None:
    live = office.live()
    assert live is not None
    office.desk(lambda desk: incidents.close(desk, ACME, live.id, "sam", outcome, ""))
    office.dispatch()


def test_a_new_panic_after_somebody_took_an_earlier_alarm_starts_the_ladder_anew(office: Office) -> None:
    office.session(minutes=10)
    office.pass_time(minutes=17)
    office.take()
    before = office.mails()["sam@acme.example", "alarm"]
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.the_incident().state.phase is Phase.OPEN
    assert office.mails()["sam@acme.example", "alarm"] == before + 1
    office.pass_time(seconds=60)
    assert ("mo@acme.example", "alarm") in office.mails()


def test_duress_after_somebody_took_it_is_mailed_at_once(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()
    office.hear(office.alarm.event(Cause.PANIC, Stage.DURESS, new=False))
    assert office.mails()["sam@acme.example", "duress"] == 1
    assert office.the_incident().state.phase is Phase.OPEN


def test_duress_while_the_ladder_runs_is_told_to_everyone_and_sets_nothing_back(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.pass_time(minutes=3)
    rung = office.the_incident().state.rung
    office.hear(office.alarm.event(Cause.PANIC, Stage.DURESS, new=False))
    assert ("mo@acme.example", "duress") in office.mails()
    assert office.the_incident().state.rung == rung


def test_a_pre_alarm_after_somebody_took_an_earlier_alarm_does_not_need_the_device_to_live(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    assert office.the_incident().state.phase is Phase.OPEN


def test_the_alarm_stage_of_a_pre_alarm_the_hub_promoted_tells_nobody_twice(office: Office) -> None:
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    office.pass_time(seconds=46)
    told = office.mails()
    office.hear(office.alarm.event(Cause.FALL, Stage.ALARM, new=False))
    assert office.mails() == told


def test_responders_are_sent_to_the_newest_place(office: Office) -> None:
    first = office.session()
    office.hear(office.alarm.event(Cause.FALL))
    office.desk(lambda desk: sessions.end(desk, ACME, first.id, "sam"))
    office.pass_time(minutes=20)
    second = office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    record = office.the_incident()
    assert record.match.session == second.id
    assert record.observed_at == office.at()


def test_an_unreadable_alarm_after_somebody_took_an_earlier_one_pages_again(office: Office) -> None:
    office.ingest.step([Message(EVENT_TOPIC, b"one")])  # type: ignore[list-item]
    office.dispatch()
    office.take()
    office.ingest.step([Message(EVENT_TOPIC, b"two")])  # type: ignore[list-item]
    office.dispatch()
    assert office.mails()["sam@acme.example", "alarm"] == 2


def test_a_check_in_from_before_the_question_answers_nothing(office: Office) -> None:
    office.session(Risk.HIGH)
    office.pass_time(seconds=100)
    office.hear(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE), age_s=90)
    assert office.the_incident().state.phase is Phase.PENDING


def test_a_check_in_answers_silence_and_the_watch_goes_on(office: Office) -> None:
    office.session(Risk.HIGH)
    office.pass_time(seconds=100)
    office.hear(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE))
    assert office.the_incident().state.phase is Phase.WITHDRAWN
    office.pass_time(seconds=91)
    assert len(office.incidents()) == 2


def test_a_heartbeat_that_ends_a_silence_leaves_the_overrun_watched(office: Office) -> None:
    office.session(Risk.HIGH, minutes=10)
    for _ in range(15):
        office.digest(office.alarm.frame())
        office.pass_time(minutes=1)
    office.pass_time(seconds=35)
    office.digest(office.alarm.frame())
    for _ in range(20):
        office.pass_time(minutes=1)
        office.digest(office.alarm.frame())
    assert max(one.opened_at for one in office.incidents()) > office.at() - timedelta(minutes=10)


def test_closing_an_overrun_watches_for_the_next(office: Office) -> None:
    office.session(minutes=10)
    office.pass_time(minutes=17)
    _close(office, Outcome.FALSE_ALARM)
    office.pass_time(minutes=21)
    assert office.incidents()[0].state.kind is Kind.OVERRUN
    assert len(office.incidents()) == 2


def test_a_cancel_of_one_pre_alarm_leaves_another_standing(office: Office) -> None:
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM), office.alarm.event(Cause.NO_MOTION, Stage.PRE_ALARM))
    office.hear(office.alarm.event(Cause.NO_MOTION, Stage.CANCELLED, new=False))
    assert office.the_incident().state.phase is Phase.PENDING
    office.pass_time(seconds=46)
    assert office.the_incident().state.phase is Phase.OPEN


def test_a_receipt_names_the_event_that_was_recorded_whatever_the_envelope_claims(office: Office) -> None:
    message = _changed(office.message(office.alarm.event(Cause.PANIC)), id="c0ffee000002-1-1-2")
    office.ingest.step([message])  # type: ignore[list-item]
    assert [receipt["event"] for receipt in office.receipts()] == ["c0ffee000001-1-1-2"]


@pytest.mark.parametrize(
    "times",
    [
        {"time": "0001-01-01T00:00:30Z", "timequality": "synchronised"},
        {"time": "9999-12-31T23:59:59Z", "timequality": "synchronised"},
        {"receivedtime": "9999-12-31T23:59:59Z"},
        {"receivedtime": "0001-01-01T00:00:00Z"},
        {"waited": 10**15},
    ],
)
def test_no_time_however_absurd_keeps_an_alarm_from_people(office: Office, times: dict[str, Any]) -> None:
    office.ingest.step([_changed(office.message(office.alarm.event(Cause.PANIC)), **times)])  # type: ignore[list-item]
    office.dispatch()
    assert any(message == "alarm" for _, message in office.mails())
    assert timedelta(0) <= office.at() - office.the_incident().observed_at <= timedelta(days=366)


def test_what_waited_on_a_gateway_with_a_wrong_clock_is_labelled_with_its_age(office: Office) -> None:
    office.pass_time(hours=4)
    message = _changed(office.message(office.alarm.event(Cause.PANIC)), waited=10800)
    office.ingest.step([message])  # type: ignore[list-item]
    office.dispatch()
    assert office.mail.taken[0].facts.age_s == pytest.approx(10800)


def test_a_digest_of_a_gateway_whose_clock_is_days_off_is_taken_by_its_differences(
    office: Office, watch: Watch
) -> None:
    office.session()
    now = watch.time
    watch.time = datetime(1971, 1, 1, tzinfo=UTC)
    frame = office.alarm.event(Cause.PANIC)
    message = office.digest_message(frame)
    watch.time = now
    office.signs.step([message])  # type: ignore[list-item]
    office.dispatch()
    assert office.the_incident().match.verdict is Verdict.MATCHED
    assert office.the_incident().observed_at == now


def test_a_channel_that_breaks_in_any_way_is_tried_again_and_becomes_a_fault(office: Office) -> None:
    office.mail.failing = ValueError("on purpose")
    office.hear(office.alarm.event(Cause.PANIC))
    office.pass_time(seconds=20)
    assert FaultKind.CHANNEL_FAILING in {fault.kind for fault in office.faults()}


def test_an_alarm_in_a_drawer_does_not_keep_its_last_wearer_alive(office: Office) -> None:
    office.session(Risk.HIGH)
    other = Alarm(type(ADDRESS)("C0:FF:EE:00:00:02"))
    office.store.write(
        lambda tx: (
            devices.add(tx, devices.Device(ACME, other.address, "alarm 2")),
            device_keys.add(tx, ACME, other.address, other.root),
            devices.assign(tx, ACME, other.address, WorkerId("alice")),
        )
    )
    office.pass_time(seconds=60)
    office.digest(office.alarm.frame())
    office.pass_time(seconds=31)
    assert office.the_incident().state.kind is Kind.SILENCE


def test_an_alarm_of_the_last_session_that_arrives_in_the_next_is_matched_to_the_last(office: Office) -> None:
    first = office.session(minutes=60)
    office.pass_time(minutes=10)
    office.desk(lambda desk: sessions.end(desk, ACME, first.id, "sam"))
    office.pass_time(minutes=5)
    office.session()
    office.pass_time(minutes=1)
    office.hear(office.alarm.event(Cause.PANIC), age_s=600)
    assert office.the_incident().match.session == first.id


def test_the_wearers_own_address_never_gets_the_alarm(office: Office) -> None:
    office.store.write(
        lambda tx: directory.add_account(tx, Account(ACME, "alice", "Alice", "alice@acme.example", Role.SUPERVISOR))
    )
    office.hear(office.alarm.event(Cause.PANIC))
    office.hear(office.alarm.event(Cause.PANIC, Stage.DURESS, new=False))
    office.pass_time(minutes=5)
    assert {to for to, _ in office.mails()} == {"sam@acme.example", "mo@acme.example"}


def test_a_wearer_who_could_not_be_told_is_a_fault_within_two_minutes(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()
    office.pass_time(minutes=2)
    assert FaultKind.WEARER_NOT_TOLD in {fault.kind for fault in office.faults()}
    office.digest(office.alarm.event(Cause.PANIC, new=False, told=Told.PERSON_HAS_IT))
    office.pass_time(minutes=1)
    assert FaultKind.WEARER_NOT_TOLD not in {fault.kind for fault in office.faults()}


def test_closed_is_sent_even_when_another_event_is_on_the_air(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    office.digest(office.alarm.event(Cause.LOW_BATTERY, Stage.NOTICE))
    _close(office)
    assert Told.CLOSED in {code for kind, _, _, code in office.told() if kind == 2}


def test_a_battery_that_was_charged_may_run_low_again(office: Office) -> None:
    office.hear(office.alarm.event(Cause.LOW_BATTERY, Stage.NOTICE, battery=9))
    office.digest(office.alarm.frame(battery=9))
    assert [fault.kind for fault in office.faults()] == [FaultKind.DEVICE_BATTERY]
    office.digest(office.alarm.frame(battery=90))
    assert office.faults() == []


def test_a_question_that_was_answered_is_asked_no_more(office: Office) -> None:
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    office.pass_time(seconds=92)
    office.hear(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE))
    asked = sum(kind == 3 for kind, *_ in office.told())
    office.pass_time(seconds=60)
    assert sum(kind == 3 for kind, *_ in office.told()) == asked


def test_a_session_of_a_month_or_next_century_is_a_mistake(office: Office) -> None:
    now = office.at()
    for starts, ends in ((now, now + timedelta(days=30)), (now + timedelta(days=40000), now + timedelta(days=40001))):
        new = sessions.NewSession("alice", "home-17", starts, ends, Risk.NORMAL)
        with pytest.raises(SessionTimeError):
            office.desk(lambda desk, new=new: sessions.log(desk, ACME, new, "sam"))


def test_a_start_too_far_ahead_says_what_is_wrong_with_it(office: Office) -> None:
    starts = office.at() + timedelta(days=400)
    new = sessions.NewSession("alice", "home-17", starts, starts + timedelta(hours=1), Risk.NORMAL)
    with pytest.raises(SessionTimeError, match="can't be planned for 2027-04-06"):
        office.desk(lambda desk: sessions.log(desk, ACME, new, "sam"))


@pytest.mark.parametrize("topic", ["tocsin/v1/acme/north/status", "tocsin/v1/acme/hub/event"])
def test_what_a_broker_hands_over_from_another_topic_pages_nobody(office: Office, topic: str) -> None:
    message = Message(topic, b"{}")
    office.ingest.step([message])  # type: ignore[list-item]
    assert message.acknowledged
    assert office.incidents() == []
