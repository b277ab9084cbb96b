"""Accelerometer samples reduced to bins of 100 ms, in integers. A quiet sample takes no memory.

What is kept of a bin does not depend on how the sensor is turned: the length of its mean vector, how far the magnitude
was from 1 g, the mean square, the peak. The mean vector itself is only ever compared with another bin's.
"""

from array import array

BIN_MS = 100
BEFORE = 25
AFTER = 14
KEPT = BEFORE + 1 + AFTER
"""Bins remembered: those around an impact that are needed to judge it."""
MOST = 32
"""Samples of a bin: 320 a second. What comes faster is left out."""

X, Y, Z, NORM, DEVIATION, ENERGY, PEAK = range(7)
"""Of a bin: mean vector (mg), its length; mean of ``|a^2 - 1 g^2| / 2`` (mg); mean of ``a^2`` (mg * g); peak (mg)."""
FIELDS = 7
_LARGEST = 32767


def root(square: int, guess: int) -> int:
    """The integer square root, within 1; quick when ``guess`` is near."""
    guess = max(1, guess)
    better = (guess + square // guess) >> 1
    while abs(better - guess) > 1:
        guess = max(1, better)
        better = (guess + square // guess) >> 1
    return better


class Motion:
    """The last four seconds. ``count``: bins kept, at most :data:`KEPT`; the newest has index 0, the one before -1."""

    def __init__(self) -> None:
        self._samples = array("h", bytes(6 * MOST))
        self._bins = array("h", bytes(2 * FIELDS * KEPT))
        self._newest = 0
        self._used = 0
        self._close_ms = 0
        self.count = 0

    def take(self, x: int, y: int, z: int, now_ms: int) -> bool:
        """One sample in mg; True when it is the first after a bin was closed."""
        closed = now_ms >= self._close_ms and self._close(now_ms)
        samples = self._samples
        used = self._used
        if used < 3 * MOST:
            samples[used] = x
            samples[used + 1] = y
            samples[used + 2] = z
            self._used = used + 3
        return closed

    def at(self, index: int, field: int) -> int:
        return self._bins[(self._newest + index) % KEPT * FIELDS + field]

    def _close(self, now_ms: int) -> bool:
        """Put away the bin that ended. After a gap of three bins nothing before it counts."""
        if now_ms - self._close_ms >= 3 * BIN_MS:
            self.count = self._used = 0
        closed = self._used > 0
        if closed:
            self._newest = (self._newest + 1) % KEPT
            self.count = min(KEPT, self.count + 1)
            self._reduce(self._newest * FIELDS)
        behind = now_ms - self._close_ms
        self._close_ms = now_ms + BIN_MS - (behind if behind < BIN_MS else 0)
        self._used = 0
        return closed

    def _reduce(self, at: int) -> None:
        samples, bins, n = self._samples, self._bins, self._used // 3
        sum_x = sum_y = sum_z = deviation = energy = peak = 0
        for i in range(0, self._used, 3):
            x, y, z = samples[i], samples[i + 1], samples[i + 2]
            square = x * x + y * y + z * z
            sum_x += x
            sum_y += y
            sum_z += z
            deviation += abs(square - 1000000) >> 11
            energy += square >> 10
            peak = max(peak, square)
        x, y, z = sum_x // n, sum_y // n, sum_z // n
        bins[at + X], bins[at + Y], bins[at + Z] = x, y, z
        bins[at + NORM] = min(_LARGEST, root(x * x + y * y + z * z, 1000))
        bins[at + DEVIATION] = min(_LARGEST, deviation // n)
        bins[at + ENERGY] = min(_LARGEST, energy // n)
        bins[at + PEAK] = min(_LARGEST, root(peak, 1000))
