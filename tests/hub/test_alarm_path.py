from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.cases import incidents
from hub.channels.port import ChannelError
from hub.domain.incident import NotPossibleError, Outcome, Phase
from hub.domain.matching import Verdict
from hub.store.faults import FaultKind
from protocols.ble import downlink
from protocols.events import Cause, Stage, Told
from tests.hub.desk import ACME, ADDRESS, Alarm, Message, Office

if TYPE_CHECKING:
    from tests.hub.conftest import Watch


def test_a_panic_reaches_the_supervisor_at_once_and_the_device_is_told_that_it_is_stored(office: Office) -> None:
    office.session()
    (message,) = office.hear(office.alarm.event(Cause.PANIC))
    assert office.mail.said() == [("sam@acme.example", "alarm")]
    assert office.told() == [(downlink.KIND_RECEIPT, 1, 1, Stage.ALARM)]
    assert message.acknowledged
    assert office.the_incident().match.verdict is Verdict.MATCHED


def test_the_mail_carries_a_name_and_a_link_but_no_place(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    facts = office.mail.taken[0].facts
    assert facts.who == "Alice Archer"
    assert facts.link == f"https://hub.example/incidents/{office.the_incident().id}"
    assert facts.place is None


def test_an_alarm_nobody_takes_goes_to_everyone_then_with_the_call_sheet_round_after_round(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.pass_time(seconds=59)
    assert len(office.mail.taken) == 1
    office.pass_time(seconds=1)
    assert office.mails() == {("sam@acme.example", "alarm"): 2, ("mo@acme.example", "alarm"): 1}
    office.pass_time(seconds=60)
    sheets = [one.target for one in office.mail.taken if one.facts.audience == "call_sheet"]
    assert sorted(sheets) == ["mo@acme.example", "sam@acme.example"]
    office.pass_time(minutes=10)
    rounds = {one.facts.round for one in office.mail.taken if one.facts.audience == "call_sheet"}
    assert rounds == set(range(6))


def test_who_takes_it_stops_the_ladder_and_the_wearer_learns_that_a_person_has_it(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()
    office.pass_time(minutes=10)
    assert office.mails() == {("sam@acme.example", "alarm"): 1}
    assert (downlink.KIND_STAGE, 1, 1, Told.PERSON_HAS_IT) in office.told()


def test_help_sent_and_closed_reach_the_wearer_too(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    number = office.the_incident().id
    office.take()
    office.desk(lambda desk: incidents.help_sent(desk, ACME, number, "sam"))
    office.dispatch()
    office.desk(lambda desk: incidents.close(desk, ACME, number, "sam", Outcome.GENUINE, "ambulance came"))
    office.dispatch()
    stages = [code for kind, _, _, code in office.told() if kind == downlink.KIND_STAGE]
    assert stages == [Told.PERSON_HAS_IT, Told.HELP_SENT, Told.CLOSED]
    assert office.written(number) == ["raised", "event", "taken", "help sent", "closed"]
    assert office.journal_is_whole()


def test_a_stage_is_repeated_until_the_device_itself_says_that_it_shows_it(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()
    office.pass_time(seconds=20)
    repeats = office.told().count((downlink.KIND_STAGE, 1, 1, Told.PERSON_HAS_IT))
    assert repeats >= 3
    office.digest(office.alarm.event(Cause.PANIC, new=False, told=Told.PERSON_HAS_IT))
    office.pass_time(minutes=5)
    assert office.told().count((downlink.KIND_STAGE, 1, 1, Told.PERSON_HAS_IT)) == repeats
    assert office.waiting() == 0


def test_an_alarm_in_somebodys_hands_comes_back_to_everybodys_mind_until_it_is_closed(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()
    office.pass_time(minutes=41)
    assert office.mails()["mo@acme.example", "reminder"] == 2


@pytest.mark.parametrize("gateways", [("north", "north"), ("north", "south")])
def test_the_same_event_twice_is_recorded_once_mailed_once_and_receipted_twice(
    office: Office, gateways: tuple[str, str]
) -> None:
    first = office.alarm.event(Cause.PANIC)
    again = office.alarm.event(Cause.PANIC, new=False, age_s=2)
    office.hear(first, gateway=gateways[0])
    office.hear(again, gateway=gateways[1])
    assert len(office.mail.taken) == 1
    assert [receipt["outcome"] for receipt in office.receipts(gateways[1])][-1] == "duplicate"
    assert office.receipts(gateways[1])[-1]["downlink"]


def test_a_receipt_goes_to_every_gateway_that_lately_heard_the_device(office: Office) -> None:
    office.digest(office.alarm.frame(), gateway="south")
    office.hear(office.alarm.event(Cause.PANIC), gateway="north")
    assert office.receipts("north") == office.receipts("south") != []


def test_a_pre_alarm_whose_device_then_dies_becomes_an_alarm(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    office.pass_time(seconds=44)
    assert office.mail.taken == []
    office.pass_time(seconds=1)
    assert office.mail.said() == [("sam@acme.example", "alarm")]


def test_a_cancelled_pre_alarm_wakes_nobody(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    office.pass_time(seconds=10)
    office.hear(office.alarm.event(Cause.FALL, Stage.CANCELLED, new=False))
    office.pass_time(minutes=5)
    assert office.mails() == {}
    assert office.the_incident().state.phase is Phase.WITHDRAWN


def test_a_pre_alarm_that_was_heard_late_has_only_the_rest_of_its_time(office: Office) -> None:
    office.pass_time(minutes=5)
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM), age_s=50)
    assert office.mail.said() == [("sam@acme.example", "alarm")]


def test_a_duress_cancel_alarms_and_the_device_hears_nothing_that_a_cancel_would_not_bring(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    office.hear(office.alarm.event(Cause.FALL, Stage.DURESS, new=False))
    assert office.mail.said() == [("sam@acme.example", "duress")]
    office.take()
    office.pass_time(seconds=30)
    kinds = {kind for kind, *_ in office.told()}
    assert kinds == {downlink.KIND_RECEIPT}


def test_a_cancel_after_the_alarm_closes_nothing(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False))
    assert office.the_incident().state.phase is Phase.OPEN
    assert office.mails()["mo@acme.example", "cancelled_by_wearer"] == 1


def test_a_cancel_that_overtakes_its_pre_alarm_keeps_it_from_alarming(office: Office) -> None:
    pre_alarm = office.alarm.event(Cause.FALL, Stage.PRE_ALARM)
    office.hear(office.alarm.event(Cause.FALL, Stage.CANCELLED, new=False), gateway="south")
    office.hear(pre_alarm)
    office.pass_time(minutes=2)
    assert office.mail.taken == []


def test_a_cancel_that_overtakes_its_alarm_does_not_keep_it_from_alarming(office: Office) -> None:
    alarm = office.alarm.event(Cause.PANIC)
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False), gateway="south")
    office.hear(alarm)
    assert ("sam@acme.example", "alarm") in office.mails()
    assert office.the_incident().state.cancelled_by_wearer


def test_a_press_with_no_session_still_pages_and_says_why_it_is_unmatched(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    match = office.the_incident().match
    assert match.verdict is Verdict.UNMATCHED
    assert match.worker == "alice"
    assert "no session of theirs covers that time" in match.reasons
    assert office.mail.said() == [("sam@acme.example", "alarm")]


def test_two_sessions_at_once_are_ambiguous_and_still_page(office: Office) -> None:
    office.session()
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.the_incident().match.verdict is Verdict.AMBIGUOUS
    assert office.mail.taken


def test_an_alarm_that_waited_on_a_gateway_for_hours_notifies_with_its_age(office: Office) -> None:
    late = office.alarm.event(Cause.PANIC)
    office.digest(office.alarm.frame())
    office.hear(late, age_s=7200)
    assert office.mail.taken[0].facts.age_s == pytest.approx(7200)


def test_further_alarms_join_the_open_incident(office: Office) -> None:
    office.hear(office.alarm.event(Cause.FALL))
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.the_incident().state.kind.value == "panic"
    assert office.mails()["mo@acme.example", "joined"] == 1


def test_a_check_in_and_a_test_press_alarm_nobody(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE), office.alarm.event(Cause.TEST, Stage.NOTICE))
    assert office.incidents() == []
    assert [kind for kind, *_ in office.told()] == [downlink.KIND_RECEIPT] * 2


def test_an_unreadable_envelope_is_kept_and_pages_once_per_gateway(office: Office) -> None:
    topic = "tocsin/v1/acme/north/event"
    messages = [Message(topic, b'{"id":"x","schemaversion":99}'), Message(topic, b"\xff\x00"), Message(topic, b"")]
    office.ingest.step(messages)  # type: ignore[arg-type]
    office.dispatch()
    assert office.mails() == {("sam@acme.example", "alarm"): 1, ("mo@acme.example", "alarm"): 1}
    assert office.the_incident().subject == "gateway:north"
    assert all(message.acknowledged for message in messages)
    assert office.receipts() == [{"event": "x", "outcome": "unreadable"}]


def test_a_frame_under_a_wrong_key_pages_as_unreadable(office: Office) -> None:
    office.hear(Alarm(key=bytes(16)).event(Cause.PANIC))
    assert office.the_incident().state.kind.value == "unreadable"


def test_a_bad_message_does_not_stop_the_good_one_in_its_batch(office: Office) -> None:
    good = office.message(office.alarm.event(Cause.PANIC))
    bad = Message("tocsin/v1/acme/north/event", b"[" * 5000)
    office.ingest.step([bad, good])  # type: ignore[list-item]
    office.dispatch()
    assert office.live() is not None


def test_a_mail_server_that_is_down_is_tried_again_and_becomes_a_fault(office: Office) -> None:
    office.mail.failing = ChannelError("email", "connection refused", permanent=False)
    office.hear(office.alarm.event(Cause.PANIC))
    office.pass_time(seconds=20)
    assert {fault.kind for fault in office.faults()} == {FaultKind.CHANNEL_FAILING}
    office.mail.failing = None
    office.pass_time(seconds=31)
    assert ("sam@acme.example", "alarm") in office.mails()
    assert office.faults() == []


def test_an_unreachable_supervisor_is_replaced_by_everyone(office: Office) -> None:
    from sqlalchemy import update

    from hub.store.tables import accounts

    office.store.write(
        lambda tx: tx.connection.execute(update(accounts).where(accounts.c.id == "sam").values(email=None))
    )
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.mail.said() == [("mo@acme.example", "alarm")]


def test_closing_needs_an_alarm_that_is_not_closed_yet(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    number = office.the_incident().id
    office.desk(lambda desk: incidents.close(desk, ACME, number, "sam", Outcome.FALSE_ALARM, ""))
    with pytest.raises(NotPossibleError, match="the incident is closed"):
        office.desk(lambda desk: incidents.take(desk, ACME, number, "mo"))


def test_a_hub_that_was_away_runs_the_missed_rungs_at_once_and_does_not_make_up_for_rounds(
    office: Office, watch: Watch
) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    watch.forward(hours=3)
    office.monotonic += 10800
    office.ticker.step()
    office.dispatch()
    assert len(office.mail.taken) <= 1 + 2 + 2 + 2
    assert any(one.facts.audience == "call_sheet" for one in office.mail.taken)


def test_a_device_that_was_never_enrolled_pages_as_unreadable(office: Office) -> None:
    stranger = Alarm(type(ADDRESS)("C0:FF:EE:00:00:99"))
    message = office.message(stranger.event(Cause.PANIC), address=stranger.address)
    office.ingest.step([message])  # type: ignore[list-item]
    assert office.the_incident().state.kind.value == "unreadable"
