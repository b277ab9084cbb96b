"""Event loops on virtual time.

:class:`VirtualTimeLoop`: nobody waits, and every run of a seeded world is the same run. While nothing is ready, the
clock jumps to the next timer. For worlds that live in one process: a socket or a thread does not wait for a clock that
jumps.

:class:`SharedTimeLoop`: a timer waits as long as the time that all processes of a world share takes.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from simulator.shared_time import SharedTime

Result = TypeVar("Result")

_LEAST_STEP_S: Final = 1e-6
"""A jump shorter than a float can tell from none would never end."""


class _JumpingSelector(selectors.DefaultSelector):
    """Does not wait for a timer: it counts how long it would have waited."""

    jumped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        events = super().select(0)
        if not events and timeout > 0:
            self.jumped_s += max(timeout, _LEAST_STEP_S)
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """``time()`` starts at 0 and moves only from timer to timer."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped_s


class _SharingSelector(selectors.DefaultSelector):
    """Waits in the machine's time for what is due in virtual time."""

    def __init__(self, shared: SharedTime) -> None:
        super().__init__()
        self._shared = shared

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None else self._shared.real_s(timeout))


class SharedTimeLoop(asyncio.SelectorEventLoop):
    """``time()`` is the shared time; what is read from sockets is not held up while it is paused."""

    def __init__(self, shared: SharedTime) -> None:
        self._shared = shared
        super().__init__(_SharingSelector(shared))

    def time(self) -> float:
        return self._shared.ticks()


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Like :func:`asyncio.run`, on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
