"""Button edges -> gestures.

Presses without a pause of ``multi_press_gap_ms`` between them are one burst. A burst of one or two presses is decided
when that pause has passed, so that one press and two are answered after the same wait. Three presses are decided at
the third release, a long press while the button is still held; what follows in the same burst says nothing more, so
that hammering on the button in a panic can't end in a cancel.
"""

from device.settings import Settings

NONE = 0
SINGLE = 1
DOUBLE = 2
TRIPLE = 3
LONG = 4


class Gestures:
    """One button."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = False
        self._long = False  # the present press was already a long one
        self._decided = False  # the burst already was a gesture
        self._presses = 0
        self._down_ms = 0
        self._up_ms = 0

    def button(self, down: bool, now_ms: int) -> None:  # noqa: FBT001 - an edge is up or down
        """One edge. A repeated "up" is no news; nor is a repeated "down", unless the press has already been long."""
        if down:
            self._down(now_ms)
        elif self._held:
            self._held = False
            self._presses += 1
            self._up_ms = now_ms

    def _down(self, now_ms: int) -> None:
        if self._held and not self._long:
            return
        if self._presses and now_ms - self._up_ms < self._settings.bounce_ms:
            self._presses -= 1
        else:
            self._down_ms = now_ms
            self._long = False
        self._held = True

    def next_ms(self) -> "int | None":
        """When the next gesture is complete, if nothing is pressed or released before; ``None`` = not at all."""
        if self._held:
            return None if self._long else self._down_ms + self._settings.long_press_ms
        if not self._presses:
            return None
        if self._presses >= TRIPLE and not self._decided:
            return self._up_ms
        return self._up_ms + self._settings.multi_press_gap_ms

    def take(self) -> int:
        """The gesture that is complete; to be called at :meth:`next_ms`. ``NONE`` when a burst just ended."""
        if self._held:
            self._long = self._decided = True
            return LONG
        if self._presses >= TRIPLE and not self._decided:
            self._decided = True
            return TRIPLE
        gesture = NONE if self._decided else self._presses
        self._presses = 0
        self._decided = False
        return gesture
