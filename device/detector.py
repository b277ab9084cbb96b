"""Falls and stillness from an accelerometer, in integers, a few operations a sample. First and simple.

Samples are summed into bins of 100 ms. A fall is an impact, in unrest, that changes the posture and is followed by
rest; it is decided when the rest has been seen. The constants were fitted to staged falls with a device at the waist
(SisFall, Sucerquia et al., Sensors 2017 17:198); they say nothing of the field, and at a wrist they are wrong.
"""

from device.settings import Settings

BIN_MS = 100
BEFORE = (-25, -10)
"""Bins, counted from the impact's, of the posture before."""
UNREST = (-5, 6)
AFTER = (10, 25)
"""Of the posture after, and of the rest. When the last of them is full, the fall is decided."""
_FEWEST_BEFORE = 4

IMPACT_MG = 1600
UNREST_MG = 250
REST_MG = 250
COS2_PERCENT = 62  # squared cosine of 38 degrees
MOVED_MG = 60  # between the means of two bins: somebody moves


class Bin:
    """Sums of up to 100 ms. ``deviation``: of the magnitude from 1 g."""

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.n = self.x = self.y = self.z = self.deviation = self.peak = 0

    def add(self, x: int, y: int, z: int, magnitude: int) -> None:
        self.n += 1
        self.x += x
        self.y += y
        self.z += z
        self.deviation += abs(magnitude - 1000)
        self.peak = max(self.peak, magnitude)


def root(square: int, guess: int) -> int:
    """The integer square root, within 1; quick when ``guess`` is near."""
    guess = max(1, guess)
    better = (guess + square // guess) >> 1
    while abs(better - guess) > 1:
        guess = max(1, better)
        better = (guess + square // guess) >> 1
    return better


def _posture(bins: "list[Bin]") -> "tuple[int, int, int]":
    n = sum([part.n for part in bins])
    return sum([part.x for part in bins]) // n, sum([part.y for part in bins]) // n, sum([part.z for part in bins]) // n


def _deviation(bins: "list[Bin]") -> int:
    return sum([part.deviation for part in bins]) // sum([part.n for part in bins])


def _turned(a: "tuple[int, int, int]", b: "tuple[int, int, int]") -> bool:
    """The angle between two postures is over 38 degrees."""
    dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    squares = (a[0] ** 2 + a[1] ** 2 + a[2] ** 2) * (b[0] ** 2 + b[1] ** 2 + b[2] ** 2)
    return dot <= 0 or dot * dot * 100 < squares * COS2_PERCENT


class Detector:
    """Watches one body."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bins: list[Bin] = []
        self._bin: Bin | None = None
        self._magnitude = 1000
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
        """One sample in milli-g; True when a fall has just been recognised."""
        if self._bin is None:
            self._bin = Bin(now_ms)
        fallen = False
        if now_ms - self._bin.start_ms >= BIN_MS:
            fallen = self._close(self._bin, now_ms)
            self._bin = Bin(now_ms)
        self._magnitude = root(x * x + y * y + z * z, self._magnitude)
        self._bin.add(x, y, z, self._magnitude)
        return fallen

    def _close(self, closing: Bin, now_ms: int) -> bool:
        bins = self._bins
        if now_ms - closing.start_ms >= 3 * BIN_MS:
            bins.clear()
        if bins and _differ(bins[-1], closing):
            self.moved(now_ms)
        bins.append(closing)
        if len(bins) > AFTER[1] - BEFORE[0]:
            bins.pop(0)
        fallen = _is_fall(bins, len(bins) - AFTER[1])
        if fallen:
            bins.clear()
        return fallen


def _is_fall(bins: "list[Bin]", impact: int) -> bool:
    """Whether ``bins[impact]`` was a fall's."""
    if impact + BEFORE[1] < _FEWEST_BEFORE or bins[impact].peak < IMPACT_MG:
        return False
    after = bins[impact + AFTER[0] : impact + AFTER[1]]
    if _deviation(bins[impact + UNREST[0] : impact + UNREST[1]]) <= UNREST_MG or _deviation(after) >= REST_MG:
        return False
    before = bins[max(0, impact + BEFORE[0]) : impact + BEFORE[1]]
    return _turned(_posture(before), _posture(after))


def _differ(a: Bin, b: Bin) -> bool:
    change = abs(a.x // a.n - b.x // b.n) + abs(a.y // a.n - b.y // b.n) + abs(a.z // a.n - b.z // b.n)
    return change > MOVED_MG
