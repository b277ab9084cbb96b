# The words everybody speaks. No I/O, no clock, no threads. Kept importable by MicroPython: nothing in this file.
