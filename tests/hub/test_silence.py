from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from hub.cases import incidents, sessions
from hub.domain.incident import Kind, Outcome, Phase
from hub.domain.session import Risk
from hub.store.faults import FaultKind
from hub.ticker import ANYWAY, Ticker
from protocols.ble import downlink
from protocols.events import Cause, Stage
from protocols.mqtt.envelope import GatewayState
from tests.hub.desk import ACME, Office


def test_a_silent_device_in_a_high_risk_session_is_asked_itself_and_then_alarms(office: Office) -> None:
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    office.pass_time(seconds=89)
    assert office.incidents() == []
    office.pass_time(seconds=2)
    assert office.the_incident().state.phase is Phase.PENDING
    assert office.mails() == {("alice@acme.example", "welfare"): 1}
    assert downlink.KIND_COMMAND in {kind for kind, *_ in office.told()}
    office.pass_time(seconds=60)
    assert office.mails()["sam@acme.example", "alarm"] == 1


def test_a_device_heard_again_before_the_alarm_wakes_nobody(office: Office) -> None:
    office.session(Risk.HIGH)
    office.pass_time(seconds=100)
    assert office.the_incident().state.phase is Phase.PENDING
    office.digest(office.alarm.frame())
    office.pass_time(seconds=80)
    assert office.the_incident().state.phase is Phase.WITHDRAWN
    assert office.mails() == {("alice@acme.example", "welfare"): 1}


def test_a_device_heard_again_after_the_alarm_closes_nothing(office: Office) -> None:
    office.session(Risk.HIGH)
    office.pass_time(seconds=170)
    office.digest(office.alarm.frame())
    assert office.the_incident().state.phase is Phase.OPEN


def test_silence_in_a_session_of_normal_risk_is_a_fault_and_ends_when_it_is_heard(office: Office) -> None:
    office.session()
    office.pass_time(seconds=181)
    assert [fault.kind for fault in office.faults()] == [FaultKind.DEVICE_SILENT]
    assert sorted(office.fault_mails()) == ["mo@acme.example", "sam@acme.example"]
    assert office.incidents() == []
    office.digest(office.alarm.frame())
    assert office.faults() == []


def test_a_device_that_is_heard_is_never_called_silent(office: Office) -> None:
    office.session(Risk.HIGH, minutes=30)
    for _ in range(40):
        office.digest(office.alarm.frame())
        office.pass_time(seconds=30)
    assert office.incidents() == []
    assert office.faults() == []


def test_a_replayed_frame_is_no_sign_of_life(office: Office) -> None:
    office.session(Risk.HIGH)
    old = office.alarm.frame()
    office.digest(old)
    office.pass_time(seconds=60)
    office.digest(old, gateway="south")
    office.pass_time(seconds=31)
    assert office.the_incident().state.kind is Kind.SILENCE


def test_a_stale_digest_does_not_mean_alive(office: Office) -> None:
    office.session(Risk.HIGH)
    office.pass_time(seconds=85)
    office.digest(office.alarm.frame(), age_s=80)
    office.pass_time(seconds=20)
    assert office.the_incident().state.kind is Kind.SILENCE


def test_a_digest_that_tells_of_an_alarm_never_recorded_raises_it(office: Office) -> None:
    office.session()
    office.digest(office.alarm.event(Cause.PANIC))
    assert office.mail.said() == [("sam@acme.example", "alarm")]


def test_an_overrun_asks_the_worker_first_and_a_check_in_gives_more_time(office: Office) -> None:
    session = office.session(minutes=10)
    for _ in range(15):
        office.pass_time(minutes=1)
        office.digest(office.alarm.frame())
    assert office.the_incident().state.kind is Kind.OVERRUN
    office.hear(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE))
    assert office.the_incident().state.phase is Phase.WITHDRAWN
    assert "check-in" in office.written(session.id)
    for _ in range(10):
        office.pass_time(minutes=1)
        office.digest(office.alarm.frame())
    assert office.mails() == {("alice@acme.example", "welfare"): 1}


def test_a_check_in_after_the_overrun_alarmed_is_told_to_everyone_and_closes_nothing(office: Office) -> None:
    office.session(minutes=10)
    office.pass_time(minutes=16)
    office.hear(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE))
    assert office.the_incident().state.phase is Phase.OPEN
    assert office.mails()["mo@acme.example", "cancelled_by_wearer"] == 1


def test_an_overrun_that_nobody_answers_becomes_an_alarm(office: Office) -> None:
    office.session(minutes=10)
    office.pass_time(minutes=15, seconds=61)
    assert ("sam@acme.example", "alarm") in office.mails()


def test_ending_the_session_withdraws_the_question_but_not_the_red_alert(office: Office) -> None:
    first = office.session(minutes=10)
    office.pass_time(minutes=15, seconds=5)
    office.desk(lambda desk: sessions.end(desk, ACME, first.id, "sam"))
    assert office.the_incident().state.phase is Phase.WITHDRAWN
    second = office.session(minutes=10)
    office.hear(office.alarm.event(Cause.PANIC))
    office.desk(lambda desk: sessions.end(desk, ACME, second.id, "sam"))
    assert office.live() is not None


def test_a_session_starts_by_itself_and_is_watched_from_then(office: Office) -> None:
    starts = office.at() + timedelta(minutes=5)
    new = sessions.NewSession("alice", "home-17", starts, starts + timedelta(hours=1), Risk.HIGH)
    office.desk(lambda desk: sessions.log(desk, ACME, new, "sam"))
    office.pass_time(minutes=5)
    office.pass_time(seconds=91)
    assert office.the_incident().state.kind is Kind.SILENCE


def test_after_closing_a_silence_the_session_is_watched_again(office: Office) -> None:
    office.session(Risk.HIGH)
    office.pass_time(seconds=170)
    number = office.the_incident().id
    office.desk(lambda desk: incidents.close(desk, ACME, number, "sam", Outcome.FALSE_ALARM, "battery"))
    office.pass_time(seconds=91)
    assert len(office.incidents()) == 2


def test_a_gateway_that_goes_quiet_is_a_fault_until_it_is_back(office: Office) -> None:
    office.status(GatewayState.ONLINE)
    office.pass_time(seconds=44)
    assert office.faults() == []
    office.pass_time(seconds=2)
    assert [fault.kind for fault in office.faults()] == [FaultKind.GATEWAY_SILENT]
    office.digest()
    assert office.faults() == []
    office.pass_time(seconds=46)
    assert [fault.kind for fault in office.faults()] == [FaultKind.GATEWAY_SILENT]


def test_a_last_will_is_a_fault_at_once(office: Office) -> None:
    office.status(GatewayState.ONLINE)
    office.status(GatewayState.OFFLINE)
    assert [fault.kind for fault in office.faults()] == [FaultKind.GATEWAY_SILENT]


def test_a_retained_status_is_no_sign_of_life(office: Office) -> None:
    office.status(GatewayState.ONLINE)
    office.pass_time(seconds=40)
    office.status(GatewayState.ONLINE, retained=True)
    office.pass_time(seconds=6)
    assert [fault.kind for fault in office.faults()] == [FaultKind.GATEWAY_SILENT]


def test_a_blind_gateway_is_a_fault_until_it_sees(office: Office) -> None:
    office.status(GatewayState.ONLINE, blind=True)
    assert [fault.kind for fault in office.faults()] == [FaultKind.GATEWAY_BLIND]
    office.status(GatewayState.ONLINE, blind=False)
    assert office.faults() == []


def test_after_the_hub_was_away_nobodys_silence_is_believed_before_the_backlog_was_read(office: Office) -> None:
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    office.watch.forward(minutes=10)
    office.monotonic += 600
    office.ticker.step()
    assert office.incidents() == []
    office.digest(office.alarm.frame())
    office.pass_time(seconds=60)
    assert office.incidents() == []


@pytest.mark.parametrize("each_s", [6, 8, 14, 20])
@pytest.mark.parametrize("others_are_heard", [True, False])
def test_a_hub_that_is_slow_all_the_time_still_notices_who_is_silent_and_says_that_it_is_slow(
    office: Office, monkeypatch: pytest.MonkeyPatch, each_s: int, *, others_are_heard: bool
) -> None:
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    write, began = office.store.write, office.monotonic

    def slow(work: Any, **how: Any) -> Any:
        passes(office, each_s)
        if others_are_heard:
            with monkeypatch.context() as meanwhile:
                meanwhile.setattr(office.store, "write", write)
                office.digest(gateway="south")
        return write(work, **how)

    while not office.incidents() and office.monotonic < began + 900:
        with monkeypatch.context() as patched:
            patched.setattr(office.store, "write", slow)
            office.ticker.step()
        passes(office, 0.25)
    assert office.the_incident().state.kind is Kind.SILENCE
    assert office.monotonic - began < 2 * ANYWAY.total_seconds()


def passes(office: Office, seconds: float) -> None:
    office.watch.forward(seconds=seconds)
    office.monotonic += seconds


def test_a_hub_that_stands_still_again_and_again_says_so_until_it_does_no_more(office: Office) -> None:
    for _ in range(10):
        passes(office, 16)
        office.ticker.step()
    (trouble,) = office.ticker.troubles()
    assert "stands still again and again" in trouble
    assert [fault.kind for fault in office.faults()] == [FaultKind.HUB_ERROR]
    for _ in range(30):
        passes(office, 4)
        office.ticker.step()
    assert office.ticker.troubles() == []
    assert office.faults() == []


def test_a_machine_that_slept_believes_nobodys_silence_until_digests_had_time_to_come(office: Office) -> None:
    """Its clock leaps ahead, its ticks do not."""
    office.ticker = Ticker(
        office.store, office.routes, office.metrics, monotonic=lambda: office.monotonic, may_leap=True
    )
    for _ in range(12):
        passes(office, 4)
        office.ticker.step()
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    office.ticker.step()
    office.watch.forward(minutes=10)
    office.ticker.step()
    assert office.incidents() == []
    office.digest(office.alarm.frame())
    for _ in range(10):
        passes(office, 4)
        office.ticker.step()
    assert office.incidents() == []
    for _ in range(20):
        passes(office, 4)
        office.ticker.step()
    assert office.the_incident().state.kind is Kind.SILENCE


@pytest.mark.parametrize("at_write", range(2))
def test_a_hub_that_stood_still_in_the_middle_of_a_step_believes_nobodys_silence_either(
    office: Office, monkeypatch: pytest.MonkeyPatch, at_write: int
) -> None:
    office.session(Risk.HIGH)
    office.status(GatewayState.ONLINE)
    office.watch.forward(seconds=60)
    office.status(GatewayState.ONLINE)
    office.digest(office.alarm.frame())
    office.watch.forward(seconds=35)
    write, writes = office.store.write, count()

    def stands_still(work: Any, **how: Any) -> Any:
        if next(writes) == at_write:
            passes(office, 600)
        return write(work, **how)

    with monkeypatch.context() as patched:
        patched.setattr(office.store, "write", stands_still)
        for _ in range(4):
            office.ticker.step()
            office.monotonic += 1
    assert next(writes) > at_write
    assert office.incidents() == []
    assert office.faults() == []
    office.status(GatewayState.ONLINE)
    office.digest(office.alarm.frame())
    office.pass_time(seconds=30)
    assert office.incidents() == []


def test_an_alarm_that_waited_on_its_gateway_is_no_sign_of_life(office: Office) -> None:
    office.session(Risk.HIGH)
    office.pass_time(seconds=80)
    office.hear(office.alarm.event(Cause.TEST, Stage.NOTICE), age_s=79)
    office.pass_time(seconds=11)
    assert office.the_incident().state.kind is Kind.SILENCE


def test_a_cancelled_fall_during_an_overrun_leaves_the_overrun_watched(office: Office) -> None:
    office.session(minutes=10)
    office.pass_time(minutes=15)
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    office.hear(office.alarm.event(Cause.FALL, Stage.CANCELLED, new=False))
    office.pass_time(minutes=25)
    assert office.incidents()[0].state.kind is Kind.OVERRUN
    assert len(office.incidents()) == 2


def test_a_session_planned_before_the_worker_had_a_device_is_watched_if_there_is_one_at_its_start(
    office: Office,
) -> None:
    from hub.store import devices, directory
    from hub.store.directory import Worker
    from protocols.ids import WorkerId
    from tests.hub.desk import ADDRESS

    office.store.write(lambda tx: directory.add_worker(tx, Worker(ACME, WorkerId("bob"), "Bob")))
    starts = office.at() + timedelta(minutes=5)
    new = sessions.NewSession("bob", "home-17", starts, starts + timedelta(hours=1), Risk.HIGH)
    office.desk(lambda desk: sessions.log(desk, ACME, new, "sam"))
    office.store.write(lambda tx: devices.assign(tx, ACME, ADDRESS, WorkerId("bob")))
    office.pass_time(minutes=5, seconds=91)
    assert office.the_incident().subject == "worker:bob"


def test_an_alarm_taken_off_in_a_high_risk_session_asks_the_wearer_and_then_alarms(office: Office) -> None:
    office.session(Risk.HIGH)
    office.hear(office.alarm.event(Cause.REMOVED, Stage.NOTICE))
    assert office.the_incident().state.phase is Phase.PENDING
    office.pass_time(seconds=60)
    assert office.mails()["sam@acme.example", "alarm"] == 1


def test_an_alarm_taken_off_otherwise_is_a_fault(office: Office) -> None:
    office.hear(office.alarm.event(Cause.REMOVED, Stage.NOTICE))
    assert [fault.kind for fault in office.faults()] == [FaultKind.DEVICE_REMOVED]
    assert office.incidents() == []
