"""Who wears what, and when: a device has one wearer at a time, a worker one device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when (None = for good); the end is not part of it."""

    since: datetime
    until: datetime | None

    def overlaps(self, other: Period) -> bool:
        return _before(self.since, other.until) and _before(other.since, self.until)


def _before(moment: datetime, end: datetime | None) -> bool:
    return end is None or moment < end


def without(period: Period, taken: Period) -> Sequence[Period]:
    """What is left of ``period`` when ``taken`` is somebody else's: nothing, one piece or two."""
    if not period.overlaps(taken):
        return (period,)
    pieces = []
    if period.since < taken.since:
        pieces.append(replace(period, until=taken.since))
    if taken.until is not None and _before(taken.until, period.until):
        pieces.append(replace(period, since=taken.until))
    return pieces
