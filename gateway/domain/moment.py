"""A reading of the clocks, passed in by whoever holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """Now.

    Attributes:
        wall: UTC, for envelopes. It may step: a Raspberry Pi has no clock of its own.
        ticks: seconds of a clock that never steps, for every deadline.
        synchronised: the wall clock follows a time server.
    """

    wall: datetime
    ticks: float
    synchronised: bool = False
