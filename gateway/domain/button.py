"""What fingers do with a button on a wire.

========  ===================================================  =====================================================
phase     when                                                 leads to
========  ===================================================  =====================================================
RELEASED  down for ``BOUNCE_S``                                PRESSED; Hammered, if it is the third press within
                                                               ``HAMMERED_WITHIN_S``
PRESSED   up for ``BOUNCE_S``                                  RELEASED: TooShort, unless help was called just now
PRESSED   down for ``hold_s``                                  HELD: Held; Tested in test mode
HELD      down for ``STUCK_AFTER_S``                           STUCK: WentStuck. It is no further alarm
HELD      up for ``BOUNCE_S``                                  RELEASED
STUCK     up for ``BOUNCE_S``                                  RELEASED: CameFree
========  ===================================================  =====================================================

Held and Hammered within ``AGAIN_AFTER_S`` of the last are the same call for help, and are not told again.

Nothing that fingers do makes a test of an alarm: whoever presses again and again wants help, however slowly. Test mode
is begun from elsewhere (:func:`arm`), lasts ``TEST_FOR_S``, and is for one hold that began in it. It ends with that
hold and with every call for help, so a second hold is an alarm.

A contact that changes for less than ``BOUNCE_S`` did not change, so neither bounce nor a worn spring ends a hold. Times
are ticks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

BOUNCE_S: Final = 0.05
STUCK_AFTER_S: Final = 30.0
AGAIN_AFTER_S: Final = 10.0
HAMMERED_TIMES: Final = 3
HAMMERED_WITHIN_S: Final = 15.0
"""From the beginning of the first press to that of the last."""
TEST_FOR_S: Final = 120.0
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
    TOO_SHORT = auto()
    WENT_STUCK = auto()
    CAME_FREE = auto()


@dataclass(frozen=True, slots=True)
class Button:
    """One button.

    Attributes:
        down: how its contact stands, bounce included.
        changed: since when.
        pressed: since when it is pressed; of the last press while it is released.
        presses: when the last presses began that called for nothing, oldest first.
        called: when it last called for help.
        armed: since when it is in test mode; None = it is not.
    """

    phase: Phase = Phase.RELEASED
    down: bool = False
    changed: float = _NEVER
    pressed: float = _NEVER
    presses: tuple[float, ...] = ()
    called: float = _NEVER
    armed: float | None = None


Decision = tuple[Button, tuple[Gesture, ...]]


def arm(button: Button, *, now: float) -> Button:
    """Test mode begins: the next hold is a test."""
    return replace(button, armed=now)


def is_armed(button: Button, *, now: float) -> bool:
    """In test mode."""
    return button.armed is not None and now < button.armed + TEST_FOR_S


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
        return _press(replace(button, phase=Phase.PRESSED, pressed=button.changed), due)
    if not button.down:
        return _release(replace(button, phase=Phase.RELEASED), button.phase, due)
    if button.phase is Phase.PRESSED:
        return _hold(replace(button, phase=Phase.HELD), due)
    return replace(button, phase=Phase.STUCK), (Gesture.WENT_STUCK,)


def _press(button: Button, due: float) -> Decision:
    lately = [began for began in button.presses if button.pressed - began <= HAMMERED_WITHIN_S]
    button = replace(button, presses=(*lately, button.pressed))
    return (button, ()) if len(button.presses) < HAMMERED_TIMES else _call(button, Gesture.HAMMERED, due)


def _release(button: Button, phase: Phase, due: float) -> Decision:
    if phase is Phase.PRESSED:
        return button, () if due - button.called < AGAIN_AFTER_S else (Gesture.TOO_SHORT,)
    return button, (Gesture.CAME_FREE,) if phase is Phase.STUCK else ()


def _hold(button: Button, due: float) -> Decision:
    is_test = button.armed is not None and button.armed <= button.pressed and is_armed(button, now=due)
    if is_test and due - button.called >= AGAIN_AFTER_S:
        return replace(button, armed=None), (Gesture.TESTED,)
    return _call(button, Gesture.HELD, due)


def _call(button: Button, gesture: Gesture, due: float) -> Decision:
    button = replace(button, presses=(), armed=None)
    return (button, ()) if due - button.called < AGAIN_AFTER_S else (replace(button, called=due), (gesture,))
