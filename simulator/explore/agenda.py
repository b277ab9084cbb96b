"""What happens when: one clock, one thread, one order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Agenda:
    """Runs actions at their times on a loop whose clock jumps (:mod:`simulator.virtual_time`).

    Attributes:
        over: done when the world ends; holds whatever an action raised.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.over: asyncio.Future[None] = loop.create_future()

    @property
    def now(self) -> float:
        """Seconds since the world began."""
        return self.loop.time()

    def at(self, when: float, act: Callable[[], object]) -> asyncio.TimerHandle:
        return self.loop.call_at(when, self._do, act)

    def after(self, seconds: float, act: Callable[[], object]) -> asyncio.TimerHandle:
        return self.at(self.now + seconds, act)

    def every(self, seconds: float, act: Callable[[], object]) -> None:
        """Again and again, from now on."""

        def turn() -> None:
            act()
            self.after(seconds, turn)

        turn()

    def end(self, failure: BaseException | None = None) -> None:
        if self.over.done():
            return
        if failure is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(failure)

    def _do(self, act: Callable[[], object]) -> None:
        if self.over.done():
            return
        try:
            act()
        except BaseException as failure:  # noqa: BLE001 - it ends the world, and is raised where that was begun
            self.end(failure)
