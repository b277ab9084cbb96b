from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.pacer import Pacer
from simulator.shared_time import LONGEST_WAIT_S, Line, SharedTime, set_step
from simulator.virtual_time import SharedTimeLoop
from tests.services import eventually

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shared(tmp_path: Path) -> SharedTime:
    return SharedTime.create(tmp_path / "time")


readings = st.floats(min_value=0, max_value=1e6)


@given(readings, st.lists(st.tuples(st.floats(0, 100), st.sampled_from([0.0, 1.0, 2.0, 10.0, 60.0])), max_size=8))
def test_a_change_of_the_rate_bends_time_and_never_breaks_it(began: float, changes: list[tuple[float, float]]) -> None:
    line, monotonic, before = Line(began, began), began, began
    for passed, rate in changes:
        monotonic += passed
        now, at_last = line.at(monotonic), line.rate
        line = line.bent(monotonic, rate)
        assert before <= now == line.at(monotonic)
        assert line.at(monotonic - 0.01) == pytest.approx(now - at_last * 0.01)
        assert line.at(monotonic + 1) == pytest.approx(now + rate)
        before = now


def test_another_process_sees_the_same_time_at_once(tmp_path: Path, shared: SharedTime) -> None:
    other = SharedTime(tmp_path / "time")
    shared.run_at(60)
    assert other.rate == 60
    before = shared.ticks()
    assert before <= other.ticks() <= shared.ticks()


def test_while_time_is_paused_neither_clock_moves(shared: SharedTime) -> None:
    shared.run_at(0)
    assert (shared.ticks(), shared.now()) == (shared.ticks(), shared.now())
    assert shared.real_s(5) == LONGEST_WAIT_S
    assert shared.real_s(0) == 0


def test_wall_clock_and_ticks_go_together(shared: SharedTime) -> None:
    shared.run_at(60)
    ticks, wall = shared.ticks(), shared.now()
    eventually(lambda: shared.ticks() - ticks > 30)
    gone, passed = shared.ticks() - ticks, shared.now() - wall
    assert passed.total_seconds() == pytest.approx(gone, abs=2)


def test_a_wrong_wall_clock_is_wrong_by_so_much_and_deadlines_do_not_see_it(tmp_path: Path, shared: SharedTime) -> None:
    step = tmp_path / "step"
    set_step(step, -3600)
    wrong = SharedTime(tmp_path / "time", step)
    assert not wrong.is_right
    assert shared.now() - wrong.now() == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))
    assert wrong.ticks() == pytest.approx(shared.ticks(), abs=1)
    set_step(step, 0)
    assert wrong.is_right


@pytest.mark.parametrize("rate", [-1, 61, float("nan")])
def test_time_runs_neither_backwards_nor_faster_than_it_can(shared: SharedTime, rate: float) -> None:
    with pytest.raises(ValueError, match="time runs at 0 to 60"):
        shared.run_at(rate)
    assert shared.rate == 1


def test_readers_never_see_a_half_written_time(tmp_path: Path, shared: SharedTime) -> None:
    other, stopping = SharedTime(tmp_path / "time"), threading.Event()

    def write() -> None:
        while not stopping.is_set():
            for rate in (1.0, 60.0, 0.0):
                shared.run_at(rate)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [other.ticks() for _ in range(20_000)]
    finally:
        stopping.set()
        writer.join()
    assert seen == sorted(seen)


def test_a_timer_of_the_world_waits_as_long_as_its_time_takes(shared: SharedTime) -> None:
    async def main() -> float:
        began = time.monotonic()
        await asyncio.sleep(30)
        return time.monotonic() - began

    shared.run_at(60)
    with asyncio.Runner(loop_factory=lambda: SharedTimeLoop(shared)) as runner:
        assert 0.5 <= runner.run(main()) < 5


def test_a_timer_does_not_end_while_time_is_paused_and_sockets_are_read_all_the_same(shared: SharedTime) -> None:
    async def main() -> None:
        timer = asyncio.create_task(asyncio.sleep(0.01))
        await asyncio.sleep(0)
        shared.run_at(0)
        assert await asyncio.to_thread(lambda: "answered") == "answered"
        assert not timer.done()
        shared.run_at(1)
        await timer

    with asyncio.Runner(loop_factory=lambda: SharedTimeLoop(shared)) as runner:
        runner.run(main())


def test_time_runs_no_faster_than_people_while_a_finger_is_on_a_button(shared: SharedTime) -> None:
    pacer = Pacer(shared)
    pacer.wish(60)
    pacer.put("alice")
    pacer.put("bob")
    assert (shared.rate, pacer.wished) == (1, 60)
    pacer.lift("alice")
    assert shared.rate == 1
    pacer.wish(10)
    assert shared.rate == 1
    pacer.lift("bob")
    assert shared.rate == 10


def test_a_finger_starts_no_time_that_was_paused(shared: SharedTime) -> None:
    pacer = Pacer(shared)
    pacer.wish(0)
    pacer.put("alice")
    assert shared.rate == 0
