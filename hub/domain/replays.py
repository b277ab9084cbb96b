"""Frames whose counter the device has passed: ordinary, or somebody's recording.

Two gateways hear the same frame, or one heard the last and the other the one before: ordinary, whatever the order in
which they tell of it. What is not ordinary is a frame on the air *now* that the device had left behind :data:`LONG`
ago. One may still be a mistake of a clock; :data:`PATTERN` of them within :data:`WITHIN` are told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

LONG: Final = timedelta(minutes=5)
"""Longer than any digest is under way, and any gateway goes on telling of a frame."""
FRESH: Final = timedelta(seconds=60)
"""A digest that says a frame was heard longer ago accuses nobody."""
PATTERN: Final = 3
WITHIN: Final = timedelta(minutes=10)


class Mark(NamedTuple):
    """The device had come to ``counter`` by ``at``."""

    counter: int
    at: datetime


class Marks(NamedTuple):
    """Two marks that follow the device: the younger takes the older's place when it is :data:`LONG` ago."""

    old: Mark
    young: Mark


class Tally(NamedTuple):
    """How many such frames there were since."""

    frames: int
    since: datetime | None


def moved(marks: Marks, newest: Mark) -> Marks:
    """The marks after a new sign of life."""
    if newest.counter < marks.young.counter:  # it counts anew, under another key
        return Marks(newest, newest)
    return Marks(marks.young, newest) if newest.at - marks.young.at >= LONG else marks


def is_long_passed(mark: Mark, counter: int, *, age: timedelta, now: datetime) -> bool:
    """Whether a frame that a gateway heard ``age`` ago was on the air long after the device had passed it."""
    return age <= FRESH and counter < mark.counter and now - age - mark.at >= LONG


def counted(tally: Tally, now: datetime) -> Tally:
    """One more. It is told of when the count reaches :data:`PATTERN`."""
    if tally.since is None or now - tally.since > WITHIN:
        return Tally(1, now)
    return Tally(tally.frames + 1, tally.since)
