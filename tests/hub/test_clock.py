"""The database's clock is set while people wait for help."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.cases import sessions
from hub.clockwatch import LIMIT_S, ClockWatch
from hub.domain.incident import Phase
from hub.domain.session import Risk, SessionPhase
from hub.store import deadlines, devices, directory, outbox, tables
from hub.store import sessions as session_rows
from hub.store.deadlines import DeadlineKind
from hub.store.directory import Worker
from hub.store.faults import FaultKind
from protocols.events import Cause, Stage
from protocols.ids import WorkerId
from tests.hub.desk import ACME, ADDRESS

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.sessions import SessionRecord
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


def _planned(office: Office, starts: datetime) -> None:
    new = sessions.NewSession("alice", "home-17", starts, starts + timedelta(hours=2), Risk.HIGH)
    office.desk(lambda desk: sessions.log(desk, ACME, new, "sam"))


def _sessions(office: Office) -> list[SessionRecord]:
    return office.store.read(lambda tx: session_rows.listed(tx, ACME, [*SessionPhase]))


def _starts_due(office: Office) -> list[datetime]:
    select = tables.deadlines.select().where(tables.deadlines.c.kind == DeadlineKind.SESSION_START)
    return sorted(office.store.read(lambda tx: [row.due_at for row in tx.connection.execute(select)]))


def _hear_unsent(office: Office) -> None:
    message = office.message(office.alarm.event(Cause.PANIC))
    office.ingest.step([message])  # type: ignore[list-item]


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


def test_an_alarm_between_two_steps_that_are_noticed_as_one_climbs_no_rung_too_early(
    office: Office, watch: Watch
) -> None:
    lived = Lived(office, watch)
    office.session()
    watch.forward(hours=-1)
    office.hear(office.alarm.event(Cause.PANIC))
    watch.forward(seconds=-30)
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


def test_a_sign_that_joins_before_the_step_is_noticed_freezes_no_ladder(office: Office, watch: Watch) -> None:
    office.session(minutes=300)
    watch.forward(hours=2)
    lived = Lived(office, watch)
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(10)
    watch.forward(hours=-1)
    office.hear(office.alarm.event(Cause.FALL))
    lived.pass_time(52)

    assert office.written(office.the_incident().id).count("escalated") == 1


def test_a_sign_that_joins_before_a_small_step_is_noticed_freezes_no_ladder(office: Office, watch: Watch) -> None:
    office.session(minutes=300)
    watch.forward(hours=2)
    lived = Lived(office, watch)
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(20)
    watch.forward(seconds=-30)
    office.hear(office.alarm.event(Cause.FALL))
    lived.pass_time(42)

    assert office.written(office.the_incident().id).count("escalated") == 1


def test_an_alarm_written_just_as_long_ago_as_the_step_is_far_climbs_in_time(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    lived.pass_time(5)
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(30)
    watch.forward(seconds=-30)
    lived.pass_time(32)

    assert office.written(office.the_incident().id).count("escalated") == 1


def test_a_hub_that_starts_with_its_clock_set_back_goes_on_with_the_ladder(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(10)
    watch.forward(hours=-1)
    again = Lived(office, watch, replicas=2)
    assert again.booked == [True, False]
    again.pass_time(57)

    assert office.written(office.the_incident().id).count("escalated") == 1
    assert len(_clock_faults(office)) == 1


def test_an_alarm_after_a_step_that_its_hub_did_not_live_to_see_climbs_no_rung_too_early(
    office: Office, watch: Watch
) -> None:
    Lived(office, watch).pass_time(5)
    watch.forward(hours=-1)
    office.hear(office.alarm.event(Cause.PANIC))
    Lived(office, watch).pass_time(57)
    assert "escalated" not in office.written(office.the_incident().id)


def test_a_hub_that_starts_with_its_clock_as_it_was_finds_no_step(office: Office, watch: Watch) -> None:
    Lived(office, watch).pass_time(10)

    assert Lived(office, watch, replicas=2).booked == [False, False]
    assert _clock_faults(office) == []


def test_a_clock_put_right_after_it_was_fast_leaves_what_people_planned(office: Office, watch: Watch) -> None:
    office.store.write(
        lambda tx: directory.add_worker(tx, Worker(ACME, WorkerId("bob"), "Bob", "bob@acme.example", None, "sam"))
    )
    lived = Lived(office, watch)
    soon, later = office.at() + timedelta(minutes=70), office.at() + timedelta(hours=5)
    _planned(office, soon)
    _planned(office, later)
    office.store.write(lambda tx: devices.assign(tx, ACME, ADDRESS, WorkerId("bob"), since=later))
    lived.pass_time(2)
    watch.forward(hours=1)
    lived.pass_time(5)
    watch.forward(hours=-1)
    lived.pass_time(2)

    assert _starts_due(office) == [soon, later]
    assert [one.state.starts_at for one in _sessions(office)] == [soon, later]
    worn = office.store.read(lambda tx: devices.assignments_of(tx, ACME, ADDRESS))
    assert {(one.worker, one.until or one.since) for one in worn} == {("alice", later), ("bob", later)}


def test_what_is_planned_for_tomorrow_stays_where_the_clock_is_set_back(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    tomorrow, soon = office.at() + timedelta(days=1), office.at() + timedelta(minutes=10)
    _planned(office, soon)
    _planned(office, tomorrow)
    watch.forward(hours=-1)
    lived.pass_time(2)

    begins, stays = _starts_due(office)
    assert abs(soon - begins - timedelta(hours=1)) < timedelta(seconds=2)
    assert stays == tomorrow
    assert _sessions(office)[1].state.starts_at == tomorrow


def test_a_session_under_way_ends_when_it_should_after_the_clock_was_fast(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    ends = office.session(minutes=120).state.ends_at
    watch.forward(hours=1)
    lived.pass_time(5)
    watch.forward(hours=-1)
    lived.pass_time(2)

    (session,) = _sessions(office)
    assert session.state.overrun_due is not None
    assert abs(session.state.ends_at - ends) < timedelta(seconds=2)
    assert session.state.overrun_due - session.state.ends_at == timedelta(minutes=5)


def test_an_alarm_of_before_a_fast_clock_climbs_no_rung_too_early_when_it_is_put_right(
    office: Office, watch: Watch
) -> None:
    lived = Lived(office, watch)
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(5)
    watch.forward(seconds=30)
    lived.pass_time(5)
    watch.forward(seconds=-30)
    lived.pass_time(48)
    assert "escalated" not in office.written(office.the_incident().id)

    lived.pass_time(4)
    assert office.written(office.the_incident().id).count("escalated") == 1


def test_an_alarm_while_the_clock_was_fast_climbs_in_time_when_it_is_put_right(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    watch.forward(hours=1)
    lived.pass_time(5)
    office.hear(office.alarm.event(Cause.PANIC))
    lived.pass_time(10)
    watch.forward(hours=-1)
    lived.pass_time(52)

    assert office.written(office.the_incident().id).count("escalated") == 1


def test_a_mail_leased_after_the_step_is_not_leased_again(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    lived.pass_time(3)
    watch.forward(hours=-1)
    _hear_unsent(office)
    leased = office.store.write(lambda tx: outbox.lease(tx, "email", 10))
    assert leased
    lived.seconds += 1.5
    watch.forward(seconds=1.5)
    assert lived.look() == [True]

    again = office.store.write(lambda tx: outbox.lease(tx, "email", 10))
    assert not {item.id for item in leased} & {item.id for item in again}


def test_a_mail_whose_sender_died_before_the_step_is_sent_when_its_lease_is_over(office: Office, watch: Watch) -> None:
    lived = Lived(office, watch)
    office.session()
    _hear_unsent(office)
    assert office.store.write(lambda tx: outbox.lease(tx, "email", 10))
    watch.forward(hours=-1)
    lived.pass_time(32)

    assert office.mails()["sam@acme.example", "alarm"] == 1
