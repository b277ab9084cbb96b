"""Tells the hub that something was refused, so that the administrator hears of it; not more often than helps."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from protocols.mqtt.envelope import GatewayTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.moment import Moment

SAY_EVERY_S: Final = 600.0


class Refusals:
    """The first one is said at once, what follows once in ten minutes, with how many. For any thread.

    Args:
        report: takes the trouble, what was refused, when.

    Attributes:
        times: how many there were.
    """

    def __init__(self, report: Callable[[GatewayTrouble, str, Moment], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._said = 0
        self._said_at = float("-inf")
        self.times = 0

    def note(self, what: str, now: Moment) -> None:
        """Something was refused."""
        with self._lock:
            self.times += 1
            if now.ticks - self._said_at < SAY_EVERY_S:
                return
            before, self._said, self._said_at = self.times - self._said - 1, self.times, now.ticks
        self._report(GatewayTrouble.REFUSED, what if not before else f"{what}, and {before} before it", now)
