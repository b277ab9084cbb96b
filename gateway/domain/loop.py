"""The supervised loop: a second pair of wires, closed in the button's box, that opens when the cable is cut.

======  ==============================  ==============
state   when                            leads to
======  ==============================  ==============
whole   open for ``BELIEVED_AFTER_S``   broken: Broke
broken  closed for as long              whole: Mended
======  ==============================  ==============

Times are ticks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

BELIEVED_AFTER_S: Final = 1.0


class Change(Enum):
    BROKE = auto()
    MENDED = auto()


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop.

    Attributes:
        open: what it does at this moment.
        changed: since when.
        broken: what is believed.
    """

    open: bool = False
    changed: float = float("-inf")
    broken: bool = False


def decide(loop: Loop, *, now: float, is_open: bool | None = None) -> tuple[Loop, tuple[Change, ...]]:
    """Time passes, and the loop opens or closes (None = it is as before)."""
    changes: tuple[Change, ...] = ()
    due = next_due(loop)
    if due is not None and due <= now:
        loop = replace(loop, broken=loop.open)
        changes = (Change.BROKE if loop.open else Change.MENDED,)
    if is_open is not None and is_open is not loop.open:
        loop = replace(loop, open=is_open, changed=now)
    return loop, changes


def next_due(loop: Loop) -> float | None:
    return None if loop.open is loop.broken else loop.changed + BELIEVED_AFTER_S
