"""What fingers do with a button on a wire.

========  ===================================================  =====================================================
phase     when                                                 leads to
========  ===================================================  =====================================================
RELEASED  down for ``BOUNCE_S``                                PRESSED
PRESSED   up for ``BOUNCE_S``                                  RELEASED; Hammered, if it was the fifth within 3 s;
                                                               Tested, if it was the third of three slow ones
PRESSED   down for ``hold_s``                                  HELD: Held
HELD      down for ``STUCK_AFTER_S``                           STUCK: WentStuck. It is no further alarm
HELD      up for ``BOUNCE_S``                                  RELEASED
STUCK     up for ``BOUNCE_S``                                  RELEASED: CameFree
========  ===================================================  =====================================================

Held and Hammered within ``AGAIN_AFTER_S`` of the last are the same call for help, and are not told again.

Whoever hammers at a panic button wants help, so quick presses never are a test: a test is three short presses with one
to three seconds from one to the next, which nobody does in fear.

A contact that changes for less than ``BOUNCE_S`` did not change, so neither bounce nor a worn spring ends a hold. Times
are ticks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import pairwise
from typing import Final

BOUNCE_S: Final = 0.05
STUCK_AFTER_S: Final = 30.0
AGAIN_AFTER_S: Final = 10.0
HAMMERED_TIMES: Final = 5
HAMMERED_WITHIN_S: Final = 3.0
TEST_TIMES: Final = 3
TEST_PAUSE_S: Final = (1.0, 3.0)
"""Shortest and longest time from the beginning of one press of a test to that of the next."""
_NEVER: Final = float("-inf")


class Phase(Enum):
    RELEASED = auto()
    PRESSED = auto()
    HELD = auto()
    STUCK = auto()


class Gesture(Enum):
    """What came of it."""

    HELD = auto()
    HAMMERED = auto()
    TESTED = auto()
    WENT_STUCK = auto()
    CAME_FREE = auto()


@dataclass(frozen=True, slots=True)
class Button:
    """One button.

    Attributes:
        down: how its contact stands, bounce included.
        changed: since when.
        pressed: since when it is pressed; of the last press while it is released.
        presses: when the last short presses began, oldest first.
        called: when it last called for help.
    """

    phase: Phase = Phase.RELEASED
    down: bool = False
    changed: float = _NEVER
    pressed: float = _NEVER
    presses: tuple[float, ...] = ()
    called: float = _NEVER


Decision = tuple[Button, tuple[Gesture, ...]]


def decide(button: Button, *, hold_s: float, now: float, down: bool | None = None) -> Decision:
    """Time passes, and the contact changes.

    Args:
        button: the state.
        hold_s: how long it must be held to call for help.
        now: ticks.
        down: how the contact stands now; None = as before.
    """
    gestures: tuple[Gesture, ...] = ()
    while (due := next_due(button, hold_s=hold_s)) is not None and due <= now:
        button, more = _fire(button, due)
        gestures += more
    if down is not None and down is not button.down:
        button = replace(button, down=down, changed=now)
    return button, gestures


def next_due(button: Button, *, hold_s: float) -> float | None:
    """When something comes of it without anybody's doing; None = never."""
    if button.down is (button.phase is Phase.RELEASED):
        return button.changed + BOUNCE_S
    if button.phase is Phase.PRESSED:
        return max(button.changed, button.pressed + hold_s)
    return button.pressed + STUCK_AFTER_S if button.phase is Phase.HELD else None


def _fire(button: Button, due: float) -> Decision:
    if button.phase is Phase.RELEASED:
        return replace(button, phase=Phase.PRESSED, pressed=button.changed), ()
    if not button.down:
        return _release(replace(button, phase=Phase.RELEASED), button.phase, due)
    if button.phase is Phase.PRESSED:
        return _call(replace(button, phase=Phase.HELD, presses=()), Gesture.HELD, due)
    return replace(button, phase=Phase.STUCK), (Gesture.WENT_STUCK,)


def _release(button: Button, phase: Phase, due: float) -> Decision:
    if phase is Phase.PRESSED:
        return _short(button, (*button.presses, button.pressed)[-HAMMERED_TIMES:], due)
    return button, (Gesture.CAME_FREE,) if phase is Phase.STUCK else ()


def _short(button: Button, presses: tuple[float, ...], due: float) -> Decision:
    if len(presses) == HAMMERED_TIMES and button.changed - presses[0] <= HAMMERED_WITHIN_S:
        return _call(replace(button, presses=()), Gesture.HAMMERED, due)
    if _is_test(presses[-TEST_TIMES:]):
        return replace(button, presses=()), (Gesture.TESTED,)
    return replace(button, presses=presses), ()


def _is_test(presses: tuple[float, ...]) -> bool:
    shortest, longest = TEST_PAUSE_S
    pauses = [later - earlier for earlier, later in pairwise(presses)]
    return len(presses) == TEST_TIMES and all(shortest <= pause <= longest for pause in pauses)


def _call(button: Button, gesture: Gesture, due: float) -> Decision:
    if due - button.called < AGAIN_AFTER_S:
        return button, ()
    return replace(button, called=due), (gesture,)
