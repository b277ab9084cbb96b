"""What calls the steps: a thread for the uplink, tasks for the rest.

An unexpected error of one turn is logged and counted, and the next turn comes: none of them may end while the program
runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable
    from types import TracebackType

    from gateway.domain.moment import Moment

log = structlog.get_logger()

Pace = Callable[[float], float]
"""How long to wait at most until seconds of the gateway's clock have gone by; a simulated clock may run faster."""

AFTER_FAULT_S: Final = 1.0
LONGEST_WAIT_S: Final = 1.0


def unchanged(seconds: float) -> float:
    """The pace of a clock that runs like the machine's."""
    return seconds


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
        pace: Pace = unchanged,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._step = step
        self._clock = clock
        self._faults = faults
        self._pace = pace
        self._woken = woken
        self._stopping = False

    def stop(self, *, within_s: float | None = None) -> bool:
        """End after the step under way; whether that was over in time."""
        self._stopping = True
        self._woken.set()
        self.join(within_s)
        return not self.is_alive()

    def run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            due = self._turn()
            self._woken.wait(self._pace(min(LONGEST_WAIT_S, max(0.0, due - self._clock().ticks))))

    def _turn(self) -> float:
        with Counted(self.name, self._faults):
            return self._step(self._clock())
        return self._clock().ticks + AFTER_FAULT_S


async def every(
    period_s: float, name: str, step: Callable[[], Awaitable[None]], *, faults: Counter[str], pace: Pace = unchanged
) -> None:
    """Call ``step`` again and again, for ever."""
    while True:
        with Counted(name, faults):
            await step()
        await asyncio.sleep(pace(period_s))


async def when_woken(
    woken: asyncio.Event, name: str, step: Callable[[], float], *, faults: Counter[str], pace: Pace = unchanged
) -> None:
    """Call ``step`` when woken, or after as many seconds as it said, for ever."""
    while True:
        woken.clear()
        wait_s = AFTER_FAULT_S
        with Counted(name, faults):
            wait_s = step()
        with suppress(TimeoutError):
            async with asyncio.timeout(
                pace(wait_s)
            ):  # wait_for loses a cancellation that meets the wake (Python < 3.12)
                await woken.wait()


class Counted:
    """A context in which an unexpected error is logged, counted under ``name``, and goes no further."""

    def __init__(self, name: str, faults: Counter[str]) -> None:
        self._name = name
        self._faults = faults

    def __enter__(self) -> None:
        """Nothing is needed before."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._faults[self._name] += 1
        log.error("unexpected", loop=self._name, exc_info=error)
        return True
