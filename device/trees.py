"""A sum of small decision trees over integers, as bytes. Runs on MicroPython and CPython.

A tree is 13 bytes: three questions (figure, unsigned byte; limit, signed 16 bit, little-endian: *is it at most this?*),
the second asked after a yes to the first, the third after a no; then the four answers as signed bytes, in 64ths of the
natural logarithm of the odds.
"""

import struct

_TREE = "<BhBhBhbbbb"
SIZE = 13


def score(trees: bytes, figures: "list[int]") -> int:
    """The sum of the answers, in 64ths."""
    total = 0
    for at in range(0, len(trees), SIZE):
        first, limit, yes, yes_limit, no, no_limit, a, b, c, d = struct.unpack_from(_TREE, trees, at)
        if figures[first] <= limit:
            total += a if figures[yes] <= yes_limit else b
        else:
            total += c if figures[no] <= no_limit else d
    return total
