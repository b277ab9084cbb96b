"""Falls and stillness from an accelerometer, in integers.

A fall is an impact whose neighbourhood (device/impact.py) some small trees (device/trees.py) take for a fall's, 1.4 s
later. The trees were fitted to staged falls with a device at the waist; they say nothing of the field, and at a wrist
they are wrong.
"""

from device import trees, waist
from device.impact import Impact
from device.motion import Motion, X, Y, Z
from device.settings import Settings

MOVED_MG = 60  # between the means of two bins: somebody moves


class Detector:
    """Watches one body."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._motion = Motion()
        self._impact = Impact(self._motion)
        self._watching = True
        self._reported = False
        self._moved_ms = 0

    # Stillness

    def watch(self, on: bool, now_ms: int) -> None:  # noqa: FBT001 - on a body or not
        """Whether stillness means anything: not on a charger, not on a hook."""
        if on != self._watching:
            self._watching = on
            self.moved(now_ms)

    def moved(self, now_ms: int) -> None:
        self._moved_ms = now_ms
        self._reported = False

    def reported(self) -> None:
        """Stillness was reported; not again before somebody moved."""
        self._reported = True

    def next_ms(self) -> "int | None":
        """When it has been still for too long; ``None`` = nobody asked, or it was reported."""
        if not self._settings.no_motion_after_ms or not self._watching or self._reported:
            return None
        return self._moved_ms + self._settings.no_motion_after_ms

    # Falls

    def motion(self, x: int, y: int, z: int, now_ms: int) -> bool:
        """One sample in milli-g, within +-32 g; True when a fall has just been recognised."""
        if not self._motion.take(x, y, z, now_ms):
            return False
        if self._has_moved():
            self.moved(now_ms)
        return self._has_fallen()

    def _has_fallen(self) -> bool:
        impact = self._impact
        if not impact.stands_out(waist.IMPACT_MG):
            return False
        return waist.BASE + trees.score(waist.TREES, impact.figures()) > waist.LIMIT

    def _has_moved(self) -> bool:
        at, change = self._motion.at, 0
        if self._motion.count > 1:
            for field in (X, Y, Z):
                change += abs(at(0, field) - at(-1, field))
        return change > MOVED_MG
