"""What calls the steps: a thread for the uplink, tasks for the rest.

An unexpected error of one turn is logged and counted, and the next turn comes: none of them may end while the program
runs.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable

    from gateway.domain.moment import Moment

log = structlog.get_logger()

AFTER_FAULT_S: Final = 1.0
LONGEST_WAIT_S: Final = 1.0


class StepThread(threading.Thread):
    """Calls ``step``, which says when it is due again (ticks), or sooner when ``woken`` is set."""

    def __init__(
        self,
        name: str,
        step: Callable[[Moment], float],
        woken: threading.Event,
        *,
        clock: Callable[[], Moment],
        faults: Counter[str],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._step = step
        self._clock = clock
        self._faults = faults
        self._woken = woken
        self._stopping = False

    def stop(self) -> None:
        """End after the step under way."""
        self._stopping = True
        self._woken.set()
        self.join()

    def run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            due = self._turn()
            self._woken.wait(min(LONGEST_WAIT_S, max(0.0, due - self._clock().ticks)))

    def _turn(self) -> float:
        try:
            return self._step(self._clock())
        except Exception:  # noqa: BLE001 - logged, counted, tried again
            _note(self.name, self._faults)
            return self._clock().ticks + AFTER_FAULT_S


async def every(period_s: float, name: str, step: Callable[[], Awaitable[None]], *, faults: Counter[str]) -> None:
    """Call ``step`` again and again, for ever."""
    while True:
        try:
            await step()
        except Exception:  # noqa: BLE001 - logged, counted, tried again
            _note(name, faults)
        await asyncio.sleep(period_s)


async def when_woken(woken: asyncio.Event, name: str, step: Callable[[], float], *, faults: Counter[str]) -> None:
    """Call ``step`` when woken, or after as many seconds as it said, for ever."""
    while True:
        woken.clear()
        try:
            wait_s = step()
        except Exception:  # noqa: BLE001 - logged, counted, tried again
            _note(name, faults)
            wait_s = AFTER_FAULT_S
        with suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), wait_s)


def _note(name: str, faults: Counter[str]) -> None:
    faults[name] += 1
    log.exception("unexpected", loop=name)  # noqa: LOG004 - its callers are handlers
