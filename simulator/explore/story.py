"""What happened, in lines that a person can read: ``minutes:seconds  who  what``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold.

    Attributes:
        rule: its name in docs/explore.md.
        what: in words.
        at: seconds since the world began.
    """

    rule: str
    what: str
    at: float


@dataclass
class Story:
    """Lines in the order of what happened.

    Attributes:
        clock: seconds since the world began.
        violations: what must not have happened.
    """

    clock: Callable[[], float]
    lines: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def tell(self, who: str, what: str) -> None:
        self.lines.append(f"{stamp(self.clock())}  {who:10}  {what}")

    def violated(self, rule: str, what: str) -> None:
        """Noted once for the same words."""
        if all((known.rule, known.what) != (rule, what) for known in self.violations):
            self.violations.append(Violation(rule, what, self.clock()))
            self.tell("!!", f"{rule}: {what}")


def stamp(seconds: float) -> str:
    """Minutes and seconds: ``03:07.250``."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02}:{rest:06.3f}"
