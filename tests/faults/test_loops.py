"""The hub's loops: what a step does to them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hub.loops import Loop
from hub.metrics import HubMetrics
from hub.store.store import StoreUnavailableError
from tests.services import eventually

if TYPE_CHECKING:
    import pytest


def test_a_loop_that_fails_goes_on_and_one_that_hangs_is_called_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.loops.PAUSE_S", 0.01)
    monkeypatch.setattr("hub.loops.STALLED_S", 0.5)
    going_on, steps = threading.Event(), 0

    def step() -> float:
        nonlocal steps
        steps += 1
        if steps == 1:
            raise ValueError(steps)
        if steps == 2:
            going_on.wait(30)
        return 0.01

    loop = Loop("tick", step, HubMetrics())
    loop.start()
    try:
        eventually(lambda: steps == 2)
        eventually(lambda: loop.is_stalled)
        going_on.set()
        eventually(lambda: steps > 3 and not loop.is_stalled)
    finally:
        loop.stop()


def test_a_loop_says_that_it_lacks_the_database_until_it_has_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.loops.PAUSE_S", 0.01)
    away = threading.Event()
    away.set()

    def step() -> float:
        if away.is_set():
            raise StoreUnavailableError("it is full")
        return 0.01

    loop = Loop("tick", step, HubMetrics())
    loop.start()
    try:
        eventually(lambda: loop.lacks_database)
        away.clear()
        eventually(lambda: not loop.lacks_database)
    finally:
        loop.stop()
