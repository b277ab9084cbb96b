"""The pure rules of keys, repeats, replays and assignments, over everything that can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import keys, repeats, replays
from hub.domain.assigning import Period, without
from hub.domain.keys import KeyState, Standing
from hub.domain.repeats import Judgement, Known, LastSign, Said
from hub.domain.replays import Mark, Marks, Tally
from protocols.events import ALARM_STAGES, Stage

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GENERATIONS = st.integers(0, 40)


@st.composite
def states(draw: st.DrawFn) -> KeyState:
    ordered = draw(GENERATIONS)
    return KeyState(
        enrolment=draw(st.integers(1, 5)),
        ordered=ordered,
        taken=draw(st.none() | st.integers(0, ordered)),
        trusted_from=draw(st.integers(0, ordered)),
        replaced=draw(st.booleans()),
        revoked=draw(st.booleans()),
    )


# Keys


@given(states())
def test_gateways_hold_every_key_that_may_keep_somebody_alive(state: KeyState) -> None:
    live = {number for number in range(state.ordered + 1) if keys.standing(state, number) is Standing.LIVE}
    held = keys.held(state)
    assert len(held) <= keys.HELD_MOST
    if state.ordered - (state.taken or 0) < keys.HELD_MOST - 1:
        assert live <= set(held)


@given(states())
def test_of_what_the_device_has_left_gateways_hold_the_first_key_alone_and_nothing_of_a_revoked_one(
    state: KeyState,
) -> None:
    assert all(state.taken is None or number >= state.taken for number in keys.held(state) if number > 0)
    assert list(keys.held(state)) == sorted(set(keys.held(state)), reverse=True)
    if state.revoked:
        assert keys.held(state) == ()
    else:
        assert keys.held(state)[-1] == 0


@given(states())
def test_the_hub_tries_every_key_that_gateways_hold_each_once_and_the_first_that_the_device_ever_had(
    state: KeyState,
) -> None:
    tried = keys.tried(state)
    assert set(keys.held(state)) <= set(tried)
    assert len(tried) == len(set(tried))
    assert 0 in tried


@given(states(), GENERATIONS)
def test_a_device_that_took_a_key_never_lives_under_a_lower_one(state: KeyState, generation: int) -> None:
    if state.taken is not None and generation < state.taken:
        assert keys.standing(state, generation) is not Standing.LIVE


@given(states(), GENERATIONS)
def test_what_was_in_lost_hands_never_lives(state: KeyState, generation: int) -> None:
    if generation < state.trusted_from:
        assert keys.standing(state, generation) is not Standing.LIVE


@given(states())
def test_the_ordered_key_of_a_device_in_service_always_lives(state: KeyState) -> None:
    if not state.replaced and not state.revoked:
        assert keys.standing(state, state.ordered) is Standing.LIVE


@given(states(), GENERATIONS)
def test_every_standing_but_live_says_why(state: KeyState, generation: int) -> None:
    standing = keys.standing(state, generation)
    assert (standing is Standing.LIVE) == (keys.DOUBTS.get(standing) is None)


@given(states(), GENERATIONS)
def test_only_a_device_that_has_a_key_to_take_is_told_to(state: KeyState, generation: int) -> None:
    if keys.wants_rekey(state, generation):
        assert not state.revoked
        assert not state.replaced
        assert generation < state.ordered
        assert state.taken != state.ordered


# Repeats


@st.composite
def knowns(draw: st.DrawFn) -> list[Known]:
    many = draw(st.lists(st.tuples(st.sampled_from(Stage), st.integers(0, 3)), unique=True, max_size=6))
    return [
        Known(
            stage,
            life,
            draw(st.integers(0, 100)),
            draw(st.sampled_from([b"a", b"b", b"c"])),
            NOON + timedelta(minutes=draw(st.integers(-600, 0))),
            believed=draw(st.booleans()),
        )
        for stage, life in sorted(many, key=lambda each: -each[1])
    ]


SAID = st.builds(
    Said,
    st.sampled_from(Stage),
    st.integers(0, 100),
    st.sampled_from([b"a", b"b", b"c"]),
    st.integers(-600, 0).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    dated=st.booleans(),
    believed=st.booleans(),
)
LAST = st.none() | st.builds(
    LastSign, st.integers(0, 100), st.integers(-60, 0).map(lambda minutes: NOON + timedelta(minutes=minutes))
)


@given(SAID, knowns(), LAST)
def test_the_very_same_bytes_are_always_a_duplicate(said: Said, known: list[Known], last: LastSign | None) -> None:
    if any(one.stage is said.stage and one.frame == said.frame for one in known):
        assert repeats.judge(said, known, last, NOON) is Judgement.DUPLICATE


@given(SAID, knowns(), LAST)
def test_a_believed_alarm_is_no_duplicate_of_what_is_not_believed(
    said: Said, known: list[Known], last: LastSign | None
) -> None:
    same = [one for one in known if one.stage is said.stage]
    strange = not any(one.frame == said.frame for one in same)
    if said.believed and strange and not any(one.believed for one in same):
        assert repeats.judge(said, known, last, NOON) in {Judgement.NEW, Judgement.ANEW}


@given(SAID, knowns(), LAST)
def test_an_alarm_long_after_with_a_lower_counter_is_never_dropped(
    said: Said, known: list[Known], last: LastSign | None
) -> None:
    same = [one for one in known if one.stage is said.stage]
    strange = same and not any(one.frame == said.frame for one in same)
    lower = strange and said.stage in ALARM_STAGES and said.counter < same[0].counter
    if lower and said.observed_at - same[0].observed_at > repeats.SAME:
        assert repeats.judge(said, known, last, NOON) is not Judgement.DUPLICATE


@given(SAID, knowns(), LAST)
def test_what_is_recorded_never_takes_the_place_of_another(
    said: Said, known: list[Known], last: LastSign | None
) -> None:
    if repeats.judge(said, known, last, NOON) is not Judgement.DUPLICATE:
        life = repeats.life(said, known)
        assert (said.stage, life) not in {(one.stage, one.life) for one in known}
        if said.believed and said.stage in ALARM_STAGES:
            assert all(one.believed for one in known if one.life == life)


# Replays


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 300)), max_size=80), st.integers(0, 60))
def test_a_frame_told_within_five_minutes_of_its_time_is_never_taken_for_a_replay(
    steps: list[tuple[int, int]], lag: int
) -> None:
    """A device sends on, with any pauses and any skips; a gateway tells of any of its frames, up to LONG late."""
    at, counter = NOON, 0
    history = [Mark(counter, at)]
    marks = Marks(history[0], history[0])
    for more, skip in steps:
        at, counter = at + timedelta(seconds=more), counter + 1 + skip
        history.append(Mark(counter, at))
        marks = replays.moved(marks, history[-1])
        for frame in history:
            if at - frame.at < replays.LONG:
                age = timedelta(seconds=min(lag, (at - frame.at).total_seconds()))
                assert not replays.is_long_passed(marks.old, frame.counter, age=age, now=at)


def test_a_frame_heard_now_that_is_older_than_twice_the_time_is_always_noticed() -> None:
    marks, at = Marks(Mark(0, NOON), Mark(0, NOON)), NOON
    for number in range(1, 500):
        at = NOON + timedelta(seconds=10 * number)
        marks = replays.moved(marks, Mark(number, at))
        old = number - 61 - 1
        if old >= 0:
            assert replays.is_long_passed(marks.old, old, age=timedelta(0), now=at)


def test_a_pattern_needs_several_within_its_time() -> None:
    tally, told = Tally(0, None), []
    for minute in (0, 11, 22, 23, 24):
        tally = replays.counted(tally, NOON + timedelta(minutes=minute))
        told.append(tally.frames >= replays.PATTERN)
    assert told == [False, False, False, False, True]


# Assignments


MOMENTS = st.integers(0, 20).map(lambda hours: NOON + timedelta(hours=hours))
PERIODS = st.builds(Period, MOMENTS, st.none() | MOMENTS).filter(
    lambda period: period.until is None or period.since < period.until
)


def hours(period: Period) -> set[int]:
    return {
        hour
        for hour in range(30)
        if Period(NOON + timedelta(hours=hour), NOON + timedelta(hours=hour, minutes=1)).overlaps(period)
    }


@given(PERIODS, PERIODS)
def test_what_is_left_of_an_assignment_is_all_of_it_but_what_was_taken(period: Period, taken: Period) -> None:
    left = without(period, taken)
    assert set().union(*(hours(piece) for piece in left)) == hours(period) - hours(taken)
    assert all(piece.until is None or piece.since < piece.until for piece in left)
