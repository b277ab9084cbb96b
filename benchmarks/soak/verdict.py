"""Does it grow? A line through the samples that no outlier bends, and how much growth is no growth.

The slope is the median of the slopes between all pairs of samples (Theil 1950, Sen 1968): up to 29 % of the samples
may be anything. Only the second half of a run is looked at: caches have filled by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST: Final = 400
"""Samples that are looked at; of more, as many that are spread evenly."""


@dataclass(frozen=True, slots=True)
class Series:
    """What was measured again and again.

    Attributes:
        name: what it is.
        unit: of the values.
        points: (seconds since the start, value), in order.
        part: growth over the half that is looked at, as a part of the median there, that is no growth.
        amount: the same in ``unit``; either is added to the other.
    """

    name: str
    unit: str
    points: Sequence[tuple[float, float]]
    part: float
    amount: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one series.

    Attributes:
        middle: its median.
        growth: from the beginning to the end of the half, along the line.
        tolerance: growth up to this is none.
    """

    name: str
    unit: str
    middle: float
    growth: float
    tolerance: float

    @property
    def grows(self) -> bool:
        return self.growth > self.tolerance

    def __str__(self) -> str:
        word = "GROWS" if self.grows else "steady"
        return (
            f"{word:6}  {self.name}: median {self.middle:,.1f} {self.unit}, growth {self.growth:+,.1f} {self.unit} in "
            f"the second half, {self.tolerance:,.1f} allowed"
        )


class TooFewSamplesError(ValueError):
    """Nothing can be said of so few.

    Attributes:
        name: of the series.
        number: of samples in the second half.
    """

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"{name}: {number} samples in the second half say nothing")
        self.name = name
        self.number = number


def judge(series: Series, length_s: float) -> Verdict:
    """Look at the second half of a run of ``length_s``.

    Raises:
        TooFewSamplesError: fewer than four samples in it.
    """
    points = _thinned([(at, value) for at, value in series.points if at >= length_s / 2])
    if len(points) < 4:
        raise TooFewSamplesError(series.name, len(points))
    middle = median(value for _, value in points)
    growth = slope(points) * (length_s / 2)
    return Verdict(series.name, series.unit, middle, growth, series.part * abs(middle) + series.amount)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Value per second, by Theil and Sen; 0 when all samples are of one moment."""
    slopes = [(later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in _apart(points)]
    return median(slopes) if slopes else 0.0


def _apart(points: Sequence[tuple[float, float]]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return [(earlier, later) for earlier, later in combinations(points, 2) if later[0] > earlier[0]]


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    if len(points) <= MOST:
        return points
    return [points[index * len(points) // MOST] for index in range(MOST)]
