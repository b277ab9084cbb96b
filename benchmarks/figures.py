"""What is measured, as numbers: one figure, its baseline, and the repeats both come from."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was done.
        unit: of both numbers.
        repeats: one number per repeat.
        against: what the baseline did.
        baseline: its numbers, taken in turn with ours.
    """

    name: str
    unit: str
    repeats: Sequence[float]
    against: str
    baseline: Sequence[float]

    @property
    def ours(self) -> float:
        return statistics.median(self.repeats)

    @property
    def bare(self) -> float:
        return statistics.median(self.baseline)

    @property
    def ratio(self) -> float:
        return self.ours / self.bare


def in_turn(repeats: int, *contestants: Callable[[], Result]) -> list[list[Result]]:
    """What each gives, one after the other, again and again, so that all of them meet the same machine."""
    rounds = [[contestant() for contestant in contestants] for _ in range(repeats)]
    return [list(results) for results in zip(*rounds, strict=True)]
