"""The clocks. Only the composition root reads them."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from typing import Final

from gateway.domain.moment import Moment

_TIME_ERROR: Final = 5
_STRUCT_TIMEX_ROOM: Final = 512
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


def synchronised() -> bool:
    """Whether the kernel's clock follows a time server; False where that can't be told.

    Source: adjtimex(2), which returns ``TIME_ERROR`` while the clock is not synchronised; with ``modes`` 0 it changes
    nothing and needs no privilege. Chrony keeps the kernel's flag only with ``rtcsync`` (the distributions' default).
    """
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_STRUCT_TIMEX_ROOM))
    except (OSError, AttributeError):
        return False
    return 0 <= int(state) < _TIME_ERROR
