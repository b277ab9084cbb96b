"""Expected devices of which frames come that no key opens: a mistyped root key, a wrong device, or a forger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from protocols.ids import Address

LASTS_S: Final = 15.0
"""A key that is just being replaced opens nothing for less than this."""
OVER_S: Final = 60.0
"""Without such a frame for so long it is over."""


class Unopened:
    """When the first and the last of such frames came, by address."""

    def __init__(self) -> None:
        self._spans: dict[Address, tuple[float, float]] = {}

    def note(self, address: Address, now: float) -> None:
        """One came; ``now`` in ticks."""
        first, last = self._spans.get(address, (now, now))
        self._spans[address] = (first if now - last < OVER_S else now, now)

    def lasting(self, now: float) -> list[Address]:
        """Of which this goes on."""
        self._spans = {each: span for each, span in self._spans.items() if now - span[1] < OVER_S}
        return sorted(each for each, (first, last) in self._spans.items() if last - first >= LASTS_S)
