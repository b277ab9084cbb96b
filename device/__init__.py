"""The personal alarm: one core that runs on MicroPython and on CPython.

Kept to what MicroPython has: no typing, dataclasses, enum, abc, ``match`` or ``__future__``; annotations are read by
mypy alone. No I/O and no clock in here: a board (``device/boards``) or the simulator brings both.
"""
