"""Clocks that are wrong, as clocks are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.domain.moment import Moment

if TYPE_CHECKING:
    from simulator.explore.agenda import Agenda


class WallClock:
    """A machine's clock: runs a little too fast or too slow, and is set now and then.

    Args:
        agenda: has the true time.
        began: what the true wall time was at second 0.
        ahead_s: by how much it is ahead.
        drift: seconds gained per second.

    Attributes:
        synchronised: follows a time server.
    """

    def __init__(
        self, agenda: Agenda, began: datetime, *, ahead_s: float = 0.0, drift: float = 0.0, synchronised: bool = True
    ) -> None:
        self._agenda = agenda
        self._began = began
        self._ahead_s = ahead_s
        self._drift = drift
        self.synchronised = synchronised

    def now(self) -> datetime:
        lived = self._agenda.now
        return self._began + timedelta(seconds=lived * (1 + self._drift) + self._ahead_s)

    def step(self, seconds: float) -> None:
        self._ahead_s += seconds

    def moment(self) -> Moment:
        """As a gateway reads it."""
        return Moment(self.now(), 1000.0 + self._agenda.now, self.synchronised)
