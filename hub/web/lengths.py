"""How long a session lasts, in minutes and in words."""

from typing import Final

LENGTHS: Final = (
    (15, "15 min"),
    (30, "30 min"),
    (60, "1 h"),
    (90, "1 h 30"),
    (120, "2 h"),
    (240, "4 h"),
    (480, "8 h"),
)
