"""What was aimed at, by the names of figures. A target is told of beside its figure, and never fails a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.figures import Figure


@dataclass(frozen=True, slots=True)
class Target:
    """A bound.

    Attributes:
        of: every one of these is in the names of the figures that it is about.
        bound: which number.
        sign: ``≥`` or ``≤``.
        is_ratio: it bounds ours / baseline, not ours.
    """

    of: tuple[str, ...]
    sign: str
    bound: float
    is_ratio: bool = False

    def is_met(self, figure: Figure) -> bool:
        reached = figure.ratio if self.is_ratio else figure.ours
        return reached >= self.bound if self.sign == "≥" else reached <= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:,g}{' x baseline' if self.is_ratio else ''}"


TARGETS: Final = (
    Target(("gateway: advert to decoded",), "≥", 10_000),
    Target(("gateway: memory",), "≤", 80),
    Target(("hub on SQLite: check-ins recorded",), "≥", 0.3, is_ratio=True),
    Target(("hub on PostgreSQL: check-ins recorded",), "≥", 0.18, is_ratio=True),
    Target(("waiting for locks",), "≤", 5),
    Target(("alarm: advert in to channel", "median"), "≤", 2, is_ratio=True),
    Target(("alarm: advert in to channel", "p99"), "≤", 5, is_ratio=True),
    Target(("among digests of", "p99"), "≤", 3, is_ratio=True),
    Target(("a tick with nothing due",), "≤", 5),
    Target(("watched: memory",), "≤", 1_000),
    Target(("silent in one second",), "≤", 5),
    Target(("silence", "noticed after it was due"), "≤", 1),
    Target(("from start to the first alarm",), "≤", 2),
)


def of(figure: Figure) -> Target | None:
    """The target of a figure, if it has one."""
    return next((target for target in TARGETS if all(part in figure.name for part in target.of)), None)


def told(figure: Figure) -> str:
    """In words; empty where nothing was aimed at."""
    target = of(figure)
    return "" if target is None else f"{target}: {'met' if target.is_met(figure) else 'not met'}"
