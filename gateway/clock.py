"""The clocks. Only the composition root reads them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from gateway.domain.moment import Moment
from tocsin.kernel_clock import synchronised

_CHECK_EVERY_S: Final = 10.0


class Clock:
    """Call it for the present moment, from any thread."""

    def __init__(self) -> None:
        self._synchronised = False
        self._check_at = float("-inf")

    def __call__(self) -> Moment:
        ticks = time.monotonic()
        if ticks >= self._check_at:
            self._check_at = ticks + _CHECK_EVERY_S
            self._synchronised = synchronised()
        return Moment(datetime.now(UTC), ticks, self._synchronised)
