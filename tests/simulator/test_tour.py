from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.incident import Phase
from protocols.events import Told
from simulator.tour import LESSONS, Signs, advance

anything = st.builds(Signs, st.booleans(), st.sampled_from(Told), st.one_of(st.none(), st.sampled_from(Phase)))


def test_a_press_that_is_taken_and_closed_ticks_off_one_step_after_the_other() -> None:
    story = [
        (Signs(False, Told.NOTHING, None), 0),
        (Signs(True, Told.NOTHING, None), 1),
        (Signs(True, Told.HEARD, Phase.OPEN), 1),
        (Signs(True, Told.STORED, Phase.OPEN), 2),
        (Signs(True, Told.STORED, Phase.TAKEN), 3),
        (Signs(True, Told.PERSON_HAS_IT, Phase.TAKEN), 4),
        (Signs(True, Told.CLOSED, None), 5),
    ]
    done = 0
    for signs, expected in story:
        done = advance(done, signs)
        assert done == expected


def test_not_delivered_ticks_nothing_off() -> None:
    assert advance(1, Signs(True, Told.NOT_DELIVERED, Phase.OPEN)) == 1


@given(st.lists(anything))
def test_no_step_comes_undone_and_none_is_done_before_an_alarm(all_signs: list[Signs]) -> None:
    done, alarmed = 0, False
    for signs in all_signs:
        alarmed = alarmed or signs.is_alarming
        after = advance(done, signs)
        assert done <= after <= (len(LESSONS) if alarmed else 0)
        done = after
