"""What an accelerometer feels: samples (x, y, z) in milli-g, :data:`SAMPLE_MS` apart; z is up on a standing wearer."""

from __future__ import annotations

from typing import Final

SAMPLE_MS: Final = 20
"""50 Hz."""

Sample = tuple[int, int, int]

_STANDING: Final = ((10, -20, 1000), (-15, 10, 990), (5, 15, 1010))
_FALLING: Final = ((60, -80, 250), (40, 60, 180), (-30, 50, 150))
_IMPACT: Final = ((2600, 900, 2400), (3400, -800, 1900), (-1500, 600, 900), (900, -300, 200), (1300, 150, 60))
_LYING: Final = ((995, 40, 80), (1000, 42, 78), (998, 38, 82))


def _for(duration_ms: int, samples: tuple[Sample, ...]) -> list[Sample]:
    count = duration_ms // SAMPLE_MS
    return [samples[number % len(samples)] for number in range(count)]


FALL: Final[tuple[Sample, ...]] = (
    *_for(2500, _STANDING),
    *_for(400, _FALLING),
    *_IMPACT,
    *_for(4000, _LYING),
)
"""A hard fall from standing to lying on the side, and no movement after it."""

FIDGET: Final[tuple[Sample, ...]] = (*_for(300, _STANDING), *_for(300, ((180, 40, 970), (190, 35, 975))))
"""Shifting from one foot to the other: somebody is alive."""
