"""How fast time runs: as fast as somebody wishes, and no faster than fingers while one is on a button."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.shared_time import SharedTime


class Pacer:
    """Thread-safe.

    Args:
        shared: the time that is held.

    Attributes:
        wished: the rate somebody chose.
    """

    def __init__(self, shared: SharedTime) -> None:
        self.shared = shared
        self.wished = shared.rate
        self._fingers: set[str] = set()
        self._lock = threading.Lock()

    @property
    def is_held_back(self) -> bool:
        """Time would run faster, were there no finger on a button."""
        return bool(self._fingers) and self.wished > 1

    def wish(self, rate: float) -> None:
        """Faster or slower from now on; 0 = pause.

        Raises:
            ValueError: no such rate.
        """
        with self._lock:
            self.shared.run_at(min(rate, 1.0) if self._fingers else rate)
            self.wished = rate

    def put(self, finger: str) -> None:
        """A finger is on a button."""
        with self._lock:
            self._fingers.add(finger)
            self._settle()

    def lift(self, finger: str) -> None:
        with self._lock:
            self._fingers.discard(finger)
            self._settle()

    def _settle(self) -> None:
        rate = min(self.wished, 1.0) if self._fingers else self.wished
        if rate != self.shared.rate:
            self.shared.run_at(rate)
