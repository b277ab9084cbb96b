"""What reaches a wearable: receipt, stage, command, new key, all sealed. Runs on MicroPython and CPython.

Written as one value to the characteristic ``gatt.DOWNLINK``; 19 bytes, so that it fits the smallest ATT payload:

====== ==============================================================================================
byte   meaning
====== ==============================================================================================
0      kind (``KIND_*``)
1-4    counter, unsigned, little-endian. *heard*: the counter of the advertisement it answers.
       All others: the hub's own for this device, only ever rising
5-10   sealed: boot epoch (2), event sequence (2), code (1), argument (1), little-endian
11-18  AES-CCM tag, 8 bytes
====== ==============================================================================================

Sealed under the working key of the generation that the device speaks (:mod:`protocols.ble.keys`); a *rekey* under the
root key, so that nobody who holds a gateway's keys can send one. It is bound to no start of the device: its sequence
field is the generation to take, which only ever rises.

Nonce: device address (6, most significant first), ``70 C5`` (the direction: towards the device), kind, counter (4,
little-endian). An uplink frame has ``D2 FC`` in that place, so one key serves both ways and no nonce can meet.
"""

import struct

from protocols.ble import ccm

SIZE = 19
TAG_SIZE = 8

KIND_HEARD = 0  # from a gateway: somebody hears you
KIND_RECEIPT = 1  # from the hub, after commit: it is stored
KIND_STAGE = 2  # from the hub: code is a layout.TOLD_* value
KIND_COMMAND = 3  # from the hub: code is a COMMAND_* value; the sequence is 0

KIND_REKEY = 4  # from the hub, under the root key: the sequence is the generation to take; epoch, code, argument are 0

COMMAND_ASK = 1  # are you all right? A press answers
COMMAND_LOCATE = 2  # sound for `argument` seconds

_DIRECTION = b"\x70\xc5"


def nonce(address: bytes, kind: int, counter: int) -> bytes:
    return address + _DIRECTION + bytes([kind]) + struct.pack("<I", counter)


def seal(  # type: ignore[no-untyped-def]
    ecb,  # noqa: ANN001 - a function from block to block; MicroPython has no typing
    address: bytes,
    kind: int,
    counter: int,
    epoch: int,
    sequence: int,
    code: int,
    argument: int,
) -> bytes:
    message = struct.pack("<HHBB", epoch, sequence, code, argument)
    head = struct.pack("<BI", kind, counter)
    return head + ccm.seal(ecb, nonce(address, kind, counter), message, TAG_SIZE)


def open_(ecb, address: bytes, value: bytes) -> "tuple[int, int, int, int, int, int] | None":  # type: ignore[no-untyped-def]  # noqa: ANN001
    """(kind, counter, epoch, sequence, code, argument), or ``None`` for anything not sealed under this key."""
    if len(value) != SIZE:
        return None
    kind, counter = struct.unpack("<BI", value[:5])
    message = ccm.open_(ecb, nonce(address, kind, counter), value[5:], TAG_SIZE)
    if message is None:
        return None
    epoch, sequence, code, argument = struct.unpack("<HHBB", message)
    return kind, counter, epoch, sequence, code, argument
