from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from gateway.clock import Clock
from gateway.loops import StepThread, every, when_woken
from tests.gateway.air import Time
from tests.services import eventually
from tocsin.kernel_clock import synchronised


async def test_a_loop_that_is_woken_and_cancelled_at_once_ends() -> None:
    woken = asyncio.Event()
    task = asyncio.create_task(when_woken(woken, "tell", lambda: 60.0, faults=Counter()))
    await asyncio.sleep(0.01)
    woken.set()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(task), 1)


async def test_a_loop_turns_when_woken_and_when_its_time_has_come() -> None:
    turns, woken = [], asyncio.Event()

    def step() -> float:
        turns.append(len(turns))
        return 0.01 if len(turns) == 1 else 60.0

    task = asyncio.create_task(when_woken(woken, "tell", step, faults=Counter()))
    await asyncio.sleep(0.05)
    assert len(turns) == 2
    woken.set()
    await asyncio.sleep(0.01)
    assert len(turns) == 3
    task.cancel()


async def test_an_unexpected_error_of_one_turn_is_counted_and_the_next_turn_comes() -> None:
    faults: Counter[str] = Counter()
    turned = asyncio.Event()

    async def step() -> None:
        if faults:
            turned.set()
        raise ZeroDivisionError

    task = asyncio.create_task(every(0.0, "say", step, faults=faults))
    async with asyncio.timeout(2):
        await turned.wait()
    task.cancel()
    assert faults["say"] >= 2


def test_an_unexpected_error_does_not_end_the_uplink_s_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.loops.AFTER_FAULT_S", 0.0)
    faults: Counter[str] = Counter()
    time, woken = Time(), threading.Event()

    def step(_now: object) -> float:
        if not faults:
            raise ZeroDivisionError
        woken.set()
        return 0.0

    thread = StepThread("uplink", step, threading.Event(), clock=time, faults=faults)
    thread.start()
    eventually(woken.is_set)
    thread.stop()
    assert faults == {"uplink": 1}
    assert not thread.is_alive()


def test_the_clock_never_steps_back_in_ticks_and_says_whether_the_wall_clock_can_be_trusted() -> None:
    clock = Clock()
    first, second = clock(), clock()
    assert second.ticks >= first.ticks
    assert first.wall.utcoffset() is not None
    assert first.synchronised == synchronised()
