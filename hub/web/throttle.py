"""Guessing passwords gets slow, and shuts nobody out who guesses nothing.

After a few wrong passwords for one account from one place, the next try from there has to wait, twice as long each
time, up to half a minute. Tries that come too early are refused unseen, even with the right password, and prolong
nothing.

A place is a browser in which this account was signed in before, or else an address. So guesses from elsewhere delay
neither such a browser nor another address. They do delay, by up to :data:`LONGEST`, a new browser or a program at the
very address from which somebody guesses.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

FREE: Final = 4
LONGEST: Final = timedelta(seconds=30)
FORGOTTEN: Final = timedelta(hours=1)
MOST: Final = 10_000
"""Keys remembered; the oldest go first."""

Key: TypeAlias = tuple[str, str, str]
"""Organisation, account, and the browser or address; for a name that is no account, no organisation and the name."""


class TooManyAttemptsError(Exception):
    """Wrong too often.

    Attributes:
        wait: until the next try is looked at.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wrong too often: try again in {self._seconds(wait)} s")
        self.wait_s = self._seconds(wait)

    @staticmethod
    def _seconds(wait: timedelta) -> int:
        return max(1, round(wait.total_seconds()))


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: datetime

    @property
    def free_at(self) -> datetime:
        if self.count < FREE:
            return self.last
        return self.last + min(timedelta(seconds=2 ** min(self.count - FREE, 10)), LONGEST)


class Throttle:
    """Failed sign-ins of this process, by account and place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()

    def check(self, key: Key, now: datetime) -> None:
        """May this be tried now?

        Raises:
            TooManyAttemptsError: not yet.
        """
        with self._lock:
            known = self._failures.get(key)
        if known is not None and now < known.free_at:
            raise TooManyAttemptsError(known.free_at - now)

    def failed(self, key: Key, now: datetime) -> None:
        """It was wrong."""
        with self._lock:
            known = self._failures.pop(key, None)
            fresh = known is None or now - known.last > FORGOTTEN
            self._failures[key] = _Failures(1 if known is None or fresh else known.count + 1, now)
            if len(self._failures) > MOST:
                self._failures.popitem(last=False)

    def succeeded(self, key: Key) -> None:
        """It was right: all is forgotten."""
        with self._lock:
            self._failures.pop(key, None)
