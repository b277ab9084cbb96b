"""Somebody's finger on a button, moved from a page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.pacer import Pacer
    from simulator.wearable import Wearable

LONGEST_S: Final = 20.0
"""A page that went away in the middle of a press holds nothing for longer."""
_AFTER_S: Final = 0.3


class Finger:
    """While it is on the button, and until the gesture is complete, time runs no faster than people do.

    Lives on the world's loop, whose seconds are virtual.

    Args:
        alarm: whose button.
        pacer: of time.
    """

    def __init__(self, alarm: Wearable, pacer: Pacer) -> None:
        self._alarm = alarm
        self._pacer = pacer
        self._timer: asyncio.TimerHandle | None = None

    def down(self) -> None:
        self._pacer.put(self._alarm.make.name)
        self._alarm.button(pressed=True)
        self._later(LONGEST_S, self.up)

    def up(self) -> None:
        self._alarm.button(pressed=False)
        self._later(self._alarm.core.settings.multi_press_gap_ms / 1000 + _AFTER_S, self._lift)

    def _lift(self) -> None:
        self._pacer.lift(self._alarm.make.name)

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, act)
