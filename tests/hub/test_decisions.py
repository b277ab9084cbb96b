from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import incident, session
from hub.domain.incident import (
    IN_HAND,
    LIVE,
    RED,
    Closed,
    DeadlinePassed,
    DuressHeard,
    HelpSent,
    Incident,
    Kind,
    Note,
    Notify,
    NotPossibleError,
    Outcome,
    Phase,
    Raised,
    Taken,
    Tell,
    Withdrawn,
)
from hub.domain.matching import Assignment, SessionWindow, Verdict, match
from hub.domain.session import (
    Cancelled,
    Ended,
    Extended,
    Heard,
    OverrunDue,
    Risk,
    SessionEffect,
    SessionError,
    SessionPhase,
    SilenceDue,
    Started,
)
from protocols.events import Told
from protocols.ids import PlaceId, SessionId, WorkerId

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

ages = st.timedeltas(timedelta(0), timedelta(hours=3))
raised = st.builds(Raised, st.sampled_from(Kind), st.booleans(), ages)
by_people = st.one_of(
    st.builds(Taken, st.sampled_from(["sam", "mo"])),
    st.builds(HelpSent, st.sampled_from(["sam", "mo"])),
    st.builds(Closed, st.just("sam"), st.sampled_from(Outcome), st.just("")),
)
signs = st.one_of(
    raised, st.builds(Withdrawn, st.just("why"), st.booleans()), st.just(DuressHeard()), st.just(DeadlinePassed())
)
steps = st.lists(st.tuples(st.integers(0, 4000), st.one_of(signs, by_people)), max_size=30)


def _live_through(first: Raised, story: list[tuple[int, incident.Event]]):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """(state before, event, state after, effects, now) of everything that was possible."""
    now = NOW
    state, effects = incident.decide(None, first, now=now)
    yield None, first, state, effects, now
    for seconds, event in story:
        now += timedelta(seconds=seconds)
        if state.phase not in LIVE:
            return
        try:
            after, effects = incident.decide(state, event, now=now)
        except NotPossibleError:
            continue
        yield state, event, after, effects, now
        state = after


@given(raised, steps)
def test_a_red_alert_ends_only_by_a_named_persons_outcome(
    first: Raised, story: list[tuple[int, incident.Event]]
) -> None:
    for before, event, after, _, _ in _live_through(first, story):
        if before is not None and before.phase in RED and after.phase not in RED:
            assert isinstance(event, Closed)
            assert after.outcome is event.outcome
            assert after.holder is not None


@given(raised, steps)
def test_whatever_is_live_has_a_next_deadline_and_whatever_is_not_has_none(
    first: Raised, story: list[tuple[int, incident.Event]]
) -> None:
    for _, _, after, _, _ in _live_through(first, story):
        assert (after.due is not None) == (after.phase in LIVE)


@given(raised, steps)
def test_every_decision_is_written_down_exactly_once(first: Raised, story: list[tuple[int, incident.Event]]) -> None:
    for _, _, _, effects, _ in _live_through(first, story):
        assert sum(isinstance(effect, Note) for effect in effects) == 1


@given(raised, steps)
def test_each_deadline_of_an_open_alarm_tells_somebody(first: Raised, story: list[tuple[int, incident.Event]]) -> None:
    for _, event, after, effects, _ in _live_through(first, story):
        if isinstance(event, DeadlinePassed) and after.phase in RED:
            assert any(isinstance(effect, Notify) for effect in effects)


@given(raised, steps)
def test_after_a_duress_cancel_the_wearers_device_is_told_nothing_more(
    first: Raised, story: list[tuple[int, incident.Event]]
) -> None:
    for _, _, after, effects, _ in _live_through(first, story):
        if after.duress:
            assert not any(isinstance(effect, Tell) for effect in effects)


@given(raised, steps)
def test_the_wearer_is_never_told_that_a_person_has_it_unless_one_has(
    first: Raised, story: list[tuple[int, incident.Event]]
) -> None:
    for _, _, after, effects, _ in _live_through(first, story):
        for effect in effects:
            if isinstance(effect, Tell) and effect.told in {Told.PERSON_HAS_IT, Told.HELP_SENT}:
                assert after.phase in IN_HAND
                assert after.holder is not None


@given(raised, steps)
def test_an_incident_never_becomes_less_grave(first: Raised, story: list[tuple[int, incident.Event]]) -> None:
    order = list(Kind)
    for before, _, after, _, _ in _live_through(first, story):
        if before is not None:
            assert order.index(after.kind) <= order.index(before.kind)


@given(st.sampled_from(Kind), st.integers(0, 10**6))
def test_a_deadline_that_is_handled_late_never_leaves_a_round_to_make_up_for(kind: Kind, late_s: int) -> None:
    state = Incident(kind, Phase.OPEN, NOW, rung=2)
    after, _ = incident.decide(state, DeadlinePassed(), now=NOW + timedelta(seconds=late_s))
    assert after.due is not None
    assert after.due > NOW + timedelta(seconds=late_s)


def test_the_next_rung_counts_from_when_the_last_was_due_not_from_when_it_was_handled() -> None:
    state = Incident(Kind.PANIC, Phase.OPEN, NOW)
    after, _ = incident.decide(state, DeadlinePassed(), now=NOW + timedelta(seconds=40))
    assert after.due == NOW + timedelta(seconds=60)


def test_what_is_pending_can_not_be_taken() -> None:
    state, _ = incident.decide(None, Raised(Kind.FALL, withdrawable=True), now=NOW)
    with pytest.raises(NotPossibleError) as caught:
        incident.decide(state, Taken("sam"), now=NOW)
    assert caught.value.phase is Phase.PENDING


session_events = st.one_of(
    st.just(Started()),
    st.just(OverrunDue()),
    st.builds(SilenceDue, st.none() | st.timedeltas(-timedelta(hours=1), timedelta(0)).map(lambda ago: NOW + ago)),
    st.just(Heard()),
    st.builds(Extended, st.just(NOW + timedelta(days=5))),
    st.just(Ended()),
    st.just(Cancelled()),
)


@given(st.sampled_from(Risk), st.booleans(), st.lists(session_events, max_size=12))
def test_an_ended_or_cancelled_session_watches_nothing(
    risk: Risk, wears: bool, story: list[session.SessionEvent]
) -> None:
    state = session.plan(NOW, NOW + timedelta(hours=1), risk, wears_device=wears)
    for event in story:
        try:
            state, _ = session.decide(state, event, now=NOW)
        except SessionError:
            continue
        over = state.phase in {SessionPhase.ENDED, SessionPhase.CANCELLED}
        assert not over or (state.start_due, state.overrun_due, state.silence_due) == (None, None, None)


@given(st.sampled_from(Risk), st.integers(0, 10_000))
def test_silence_is_noticed_exactly_when_the_device_was_not_heard_within_the_limit(risk: Risk, ago_s: int) -> None:
    planned = session.plan(NOW, NOW + timedelta(hours=9), risk, wears_device=True)
    active, _ = session.decide(planned, Started(), now=NOW)
    now = NOW + timedelta(hours=2)
    after, effects = session.decide(active, SilenceDue(now - timedelta(seconds=ago_s)), now=now)
    silent = timedelta(seconds=ago_s) >= risk.silence_limit
    assert bool(effects) == silent
    assert (after.silence_due is None) == silent
    if after.silence_due is not None:
        assert after.silence_due == now - timedelta(seconds=ago_s) + risk.silence_limit


def test_silence_is_an_alarm_when_the_risk_is_high_and_a_fault_when_it_is_not() -> None:
    assert _silence_of(Risk.HIGH) == (SessionEffect.RAISE_SILENCE,)
    assert _silence_of(Risk.NORMAL) == (SessionEffect.FAULT_SILENCE,)


def _silence_of(risk: Risk) -> tuple[SessionEffect, ...]:
    planned = session.plan(NOW, NOW + timedelta(hours=1), risk, wears_device=True)
    active, _ = session.decide(planned, Started(), now=NOW)
    return session.decide(active, SilenceDue(None), now=NOW + timedelta(minutes=4))[1]


hours = st.integers(0, 48).map(lambda hour: NOW + timedelta(hours=hour))
workers = st.sampled_from([WorkerId("alice"), WorkerId("bob")])
assigned = st.lists(st.builds(Assignment, workers, hours, st.none() | hours), max_size=5)
windows = st.lists(
    st.builds(
        SessionWindow,
        st.uuids().map(lambda number: SessionId(number.hex)),
        workers,
        st.just(PlaceId("home")),
        hours,
        st.none() | hours,
        st.booleans(),
    ),
    max_size=5,
)


@given(hours, assigned, windows)
def test_a_match_names_a_worker_only_if_that_worker_alone_wore_the_device(
    at: datetime, worn: list[Assignment], sessions: list[SessionWindow]
) -> None:
    found = match(at, worn, sessions)
    wearers = {assignment.worker for assignment in worn if assignment.covers(at)}
    assert found.worker == (next(iter(wearers)) if len(wearers) == 1 else None)
    assert found.reasons


@given(hours, assigned, windows)
def test_a_matched_session_is_that_workers_and_covers_the_time(
    at: datetime, worn: list[Assignment], sessions: list[SessionWindow]
) -> None:
    found = match(at, worn, sessions)
    assert (found.session is not None) == (found.verdict is Verdict.MATCHED)
    if found.session is not None:
        (chosen,) = [window for window in sessions if window.session == found.session]
        assert chosen.worker == found.worker
        assert chosen.covers(at)


@given(hours, assigned, windows, st.randoms())
def test_the_order_of_assignments_and_sessions_makes_no_difference(
    at: datetime, worn: list[Assignment], sessions: list[SessionWindow], dice: object
) -> None:
    shuffled_worn, shuffled_sessions = list(worn), list(sessions)
    dice.shuffle(shuffled_worn)  # type: ignore[attr-defined]
    dice.shuffle(shuffled_sessions)  # type: ignore[attr-defined]
    one, other = match(at, worn, sessions), match(at, shuffled_worn, shuffled_sessions)
    assert (one.verdict, one.worker, one.session) == (other.verdict, other.worker, other.session)
