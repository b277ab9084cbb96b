"""One time for all processes of a simulated world: as fast as it is told to run, and the same everywhere at once.

It is a line through the machine's monotonic clock, which all processes of a machine share, kept in a small file that
each of them maps: there is nobody to ask and nothing to wait for, and a process that was frozen is right at once. A
change of the rate bends the line a moment ahead, when everybody knows of it, and never breaks it. What waits for the
outside world (MQTT keepalive, Bluetooth connections, SMTP) keeps to the machine's time.
"""

from __future__ import annotations

import mmap
import struct
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST_WAIT_S: Final = 0.1
"""The machine's seconds until who waits looks again: after a change of the rate nobody is later than this."""
FASTEST: Final = 60.0
_AHEAD_S: Final = 0.01
_NUMBERS: Final = struct.Struct("<6d")
_CHECK: Final = struct.Struct("<I")
_LENGTH: Final = _NUMBERS.size + _CHECK.size


@dataclass(frozen=True, slots=True)
class Line:
    """How virtual time runs.

    Attributes:
        since: reading of the machine's monotonic clock, in seconds, where the line bends.
        ticks: virtual seconds at that instant.
        rate: virtual seconds per second from then on; 0 = paused.
        before: the rate until then.
        epoch: Unix time of virtual second 0.
        step: seconds by which one's own wall clock is wrong; deadlines do not see it.
    """

    since: float
    ticks: float
    rate: float = 1.0
    before: float = 1.0
    epoch: float = 0.0
    step: float = 0.0

    def at(self, monotonic: float) -> float:
        """Virtual seconds at a reading of the machine's clock."""
        passed = monotonic - self.since
        return self.ticks + passed * (self.rate if passed >= 0 else self.before)

    def bent(self, monotonic: float, rate: float) -> Line:
        """The same line, from an instant on with another rate."""
        return replace(self, since=monotonic, ticks=self.at(monotonic), rate=rate, before=self.rate)


class SharedTime:
    """Virtual time as a clock; thread-safe.

    Args:
        file: made by :meth:`create`.
        step: file of the error of one's own wall clock, made by :meth:`create` too; None = it is right.
    """

    def __init__(self, file: Path, step: Path | None = None) -> None:
        self._line = _Mapped(file)
        self._step = None if step is None else _Mapped(step)

    @classmethod
    def create(cls, file: Path) -> SharedTime:
        """Time that runs like the machine's, from now."""
        monotonic = time.monotonic()
        line = Line(monotonic, monotonic, epoch=time.time() - monotonic)
        file.write_bytes(_pack(line))
        return cls(file)

    @property
    def rate(self) -> float:
        return self._line.read().rate

    @property
    def bent_at(self) -> datetime:
        """Its wall-clock time when the rate last changed."""
        line = self._line.read()
        return datetime.fromtimestamp(line.epoch + line.ticks, UTC)

    @property
    def is_right(self) -> bool:
        """Whether one's own wall clock is."""
        return self._step is None or not self._step.read().step

    def ticks(self) -> float:
        """Virtual seconds; never goes back."""
        line, monotonic = self._line.read_with(time.monotonic)
        return line.at(monotonic)

    def now(self) -> datetime:
        """The wall clock's time in UTC, which goes with :meth:`ticks`."""
        line, monotonic = self._line.read_with(time.monotonic)
        wrong_s = 0.0 if self._step is None else self._step.read().step
        return datetime.fromtimestamp(line.epoch, UTC) + timedelta(seconds=line.at(monotonic) + wrong_s)

    def real_s(self, seconds: float) -> float:
        """How long to wait, on the machine's clock, before it is worth looking whether ``seconds`` have gone by."""
        if seconds <= 0:
            return 0.0
        rate = self.rate
        return min(LONGEST_WAIT_S, seconds / rate) if rate else LONGEST_WAIT_S

    def run_at(self, rate: float) -> None:
        """Faster or slower; 0 = pause. Returns when it holds. For the one thread that holds time.

        Raises:
            ValueError: slower than nothing, or faster than :data:`FASTEST`.
        """
        if not 0 <= rate <= FASTEST:
            raise ValueError(f"time runs at 0 to {FASTEST:g} times its rate, not {rate:g}")
        bend = time.monotonic() + _AHEAD_S
        self._line.write(self._line.read().bent(bend, rate))
        time.sleep(_AHEAD_S)


def set_step(file: Path, seconds: float) -> None:
    """How far the wall clock of who reads this file is ahead; negative = behind. Makes the file if need be."""
    wrong = Line(0.0, 0.0, step=seconds)
    if file.exists():
        _Mapped(file).write(wrong)
    else:
        file.write_bytes(_pack(wrong))


class _Mapped:
    """A line in a file that other processes read while it is written: a torn one is seen, and read again."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _LENGTH)

    def read(self) -> Line:
        while True:
            content = self._memory[:]
            numbers = content[: _NUMBERS.size]
            if _CHECK.pack(crc32(numbers)) == content[_NUMBERS.size :]:
                return Line(*_NUMBERS.unpack(numbers))

    def read_with(self, clock: Callable[[], float]) -> tuple[Line, float]:
        """A line and a reading of ``clock`` for which it held."""
        while True:
            line = self.read()
            reading = clock()
            if self.read() == line:
                return line, reading

    def write(self, line: Line) -> None:
        self._memory[:] = _pack(line)


def _pack(line: Line) -> bytes:
    numbers = _NUMBERS.pack(line.since, line.ticks, line.rate, line.before, line.epoch, line.step)
    return numbers + _CHECK.pack(crc32(numbers))
