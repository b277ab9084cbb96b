"""Working keys, derived from a device's root key. Runs on MicroPython and CPython.

The root key is known to the hub and to the device alone. Everything on the air, up and down, is sealed under the
working key of a generation, which gateways may hold, too. Only the command to take a higher generation
(``downlink.KIND_REKEY``) is sealed under the root key, so that whoever holds a gateway's keys can't give it.

``W_g = AES-128-ECB(root, "tocsin working" | g)``, g as 2 bytes, little-endian. One block of a pseudo-random
permutation: W_g tells nothing of the root key, nor of any other generation.
"""

import struct

NEWEST = 0xFFFF
"""The highest generation there can be."""

_LABEL = b"tocsin working"


def working(root_ecb, generation: int) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001 - MicroPython has no typing
    """The working key of ``generation``: 16 bytes. ``root_ecb`` is AES-ECB of one block under the root key."""
    return bytes(root_ecb(_LABEL + struct.pack("<H", generation)))
