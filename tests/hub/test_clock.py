"""The database's clock is set while people wait for help."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.clockwatch import LIMIT_S, ClockWatch
from hub.domain.incident import Phase
from hub.domain.session import Risk
from hub.store import deadlines
from hub.store.faults import FaultKind
from protocols.events import Cause, Stage

if TYPE_CHECKING:
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office


class Lived:
    """Time as it is lived: both clocks go on, whatever one of them shows."""

    def __init__(self, office: Office, watch: Watch, replicas: int = 1) -> None:
        self.office, self.watch, self.seconds = office, watch, 0.0
        self.watches = [ClockWatch(office.store, office.routes, lambda: self.seconds) for _ in range(replicas)]
        self.booked = self.look()

    def look(self) -> list[bool]:
        return [one.step() for one in self.watches]

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.seconds += 1
            self.office.monotonic += 1
            self.watch.forward(seconds=1)
            self.look()
            self.office.ticker.step()
            self.office.dispatch()


def _clock_faults(office: Office) -> list[str]:
    return [fault.detail for fault in office.faults() if fault.kind is FaultKind.CLOCK_STEP]


def test_a_clock_that_goes_as_it_should_is_no_fault(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    for _ in range(100):
        watch.forward(seconds=LIMIT_S / 10)  # a time server may pull it
        lived.pass_time(1)

    assert _clock_faults(office) == []


def test_a_clock_set_back_an_hour_delays_no_rung(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(10)
    watch.forward(hours=-1)
    lived.pass_time(52)

    assert office.mails() == {("sam@acme.example", "alarm"): 2, ("mo@acme.example", "alarm"): 1}
    lived.pass_time(60)
    assert office.the_incident().state.rung == 2


def test_administrators_are_told_which_way_and_how_far(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    lived.pass_time(3)
    watch.forward(hours=-1)
    lived.pass_time(2)

    (said,) = _clock_faults(office)
    assert "stepped back by 3600 s" in said
    assert sorted(office.fault_mails()) == ["mo@acme.example", "sam@acme.example"]


def test_a_step_forward_is_a_fault_and_moves_nothing(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    before = office.the_incident().state.due
    watch.forward(seconds=30)
    lived.pass_time(2)

    assert "stepped forward by 30 s" in _clock_faults(office)[0]
    assert office.the_incident().state.due == before


def test_an_alarm_after_the_clock_was_set_back_is_still_matched_to_its_wearer_and_session(
    office: Office, watch: Watch
) -> None:
    lived = Lived(office, watch)
    session = office.session()
    lived.pass_time(3)
    watch.forward(hours=-1)
    lived.pass_time(2)
    office.hear(office.alarm.event(Cause.PANIC))

    match = office.the_incident().match
    assert (match.worker, match.session) == ("alice", session.id)


def test_of_two_replicas_one_books_a_step_and_the_other_sees_none(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch, replicas=2)
    office.session()
    before = office.store.read(deadlines.next_due)
    lived.seconds += 5
    watch.forward(hours=-1, seconds=5)

    assert lived.look() == [True, False]
    after = office.store.read(deadlines.next_due)
    assert before is not None
    assert after is not None
    assert abs(before - after - timedelta(hours=1)) < timedelta(seconds=2)


def test_each_of_two_steps_is_booked(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch, replicas=2)
    lived.seconds += 5
    watch.forward(hours=-1, seconds=5)
    assert lived.look() == [True, False]
    lived.seconds += 5
    watch.forward(hours=1, seconds=5)
    assert lived.look() == [True, False]
    lived.seconds += 5
    watch.forward(seconds=5)
    assert lived.look() == [False, False]


def test_a_device_that_falls_silent_after_the_step_is_missed_in_time(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    watch.forward(hours=-1)
    lived.pass_time(200)

    assert [incident.state.kind.value for incident in office.incidents()] == ["silence"]


def test_what_a_sender_holds_is_tried_again_in_time(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    office.mail.failing = ConnectionError("down")
    office.hear(office.alarm.event(Cause.PANIC))
    watch.forward(hours=-1)
    lived.pass_time(2)
    office.mail.failing = None
    lived.pass_time(30)

    assert office.mails()["sam@acme.example", "alarm"] == 1


def test_an_alarm_that_comes_before_the_step_is_noticed_climbs_no_rung_too_early(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    watch.forward(hours=-1)
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(58)
    assert "escalated" not in office.written(office.the_incident().id)

    lived.pass_time(3)
    assert office.written(office.the_incident().id).count("escalated") == 1


def test_a_pre_alarm_that_comes_before_the_step_is_noticed_can_still_be_cancelled(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    watch.forward(hours=-1)
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    lived.pass_time(20)
    assert office.the_incident().state.phase is Phase.PENDING

    lived.pass_time(26)
    assert office.the_incident().state.phase is Phase.OPEN
