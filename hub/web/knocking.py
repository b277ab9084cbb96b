"""Whoever tries codes is answered ever more slowly; a code that is right is never kept waiting."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

FREE: Final = 3
LONGEST: Final = timedelta(seconds=8)
FORGOTTEN: Final = timedelta(minutes=10)
MOST: Final = 10_000
"""Addresses remembered; the oldest go first."""
_FIRST: Final = timedelta(milliseconds=250)


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: datetime


class Knocks:
    """Failures of this process, by address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def failed(self, source: str, now: datetime) -> timedelta:
        """How long to wait before telling that it was wrong."""
        with self._lock:
            known = self._failures.pop(source, None)
            fresh = known is None or now - known.last > FORGOTTEN
            count = 1 if known is None or fresh else known.count + 1
            self._failures[source] = _Failures(count, now)
            if len(self._failures) > MOST:
                self._failures.popitem(last=False)
        return timedelta(0) if count <= FREE else min(_FIRST * 2 ** min(count - FREE - 1, 10), LONGEST)
