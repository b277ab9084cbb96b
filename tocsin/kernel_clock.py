"""Whether this machine's clock follows a time server."""

from __future__ import annotations

import ctypes
from typing import Final

_TIME_ERROR: Final = 5
_STRUCT_TIMEX_ROOM: Final = 512


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
