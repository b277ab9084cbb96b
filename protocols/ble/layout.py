"""The seven bytes of our own inside a BTHome v2 advertisement, to the bit. Runs on MicroPython and CPython.

An encrypted BTHome v2 service data element in a 31-byte legacy advertisement leaves 15 bytes of objects. Packet id,
battery and button take six of them, the raw object's head two; seven are ours:

====== ======= ==============================================================================================
byte   bits    meaning
====== ======= ==============================================================================================
0-1    all     boot epoch, unsigned, little-endian: +1 at every start of the device, kept over reboots
2-3    all     event sequence, unsigned, little-endian: +1 at every event since the start; 0 = no event yet
4      0-4     cause (``CAUSE_*``)
4      5-7     stage (``STAGE_*``)
5      all     age of the stage (see :func:`encode_age`)
6      0-2     told: what the wearer was last told of this event (``TOLD_*``)
6      3       not worn
6      4       charging
6      5       fault: the self-test or a sensor failed
6      6-7     layout version, 0
====== ======= ==============================================================================================

The event identity is (device, boot epoch, event sequence): the same on every repeat and over GATT.
"""

import struct

SIZE = 7
VERSION = 0

CAUSE_HEARTBEAT = 0
CAUSE_PANIC = 1
CAUSE_DISCREET_PANIC = 2
CAUSE_FALL = 3
CAUSE_NO_MOTION = 4
CAUSE_REMOVED = 5
CAUSE_TAMPER = 6
CAUSE_CHECK_IN = 7
CAUSE_LOW_BATTERY = 8
CAUSE_TEST = 9

STAGE_NOTICE = 0  # an event that is no alarm: heartbeat, check-in, low battery, test
STAGE_PRE_ALARM = 1
STAGE_ALARM = 2
STAGE_CANCELLED = 3
STAGE_DURESS = 4  # a cancel that isn't one

TOLD_NOTHING = 0
TOLD_HEARD = 1
TOLD_STORED = 2
TOLD_PERSON_HAS_IT = 3
TOLD_HELP_SENT = 4
TOLD_NOT_DELIVERED = 5
TOLD_CLOSED = 6

BUTTON_NONE = 0x00
BUTTON_PRESS = 0x01
BUTTON_DOUBLE = 0x02
BUTTON_TRIPLE = 0x03
BUTTON_LONG = 0x04
BUTTON_OF_CAUSE = {
    CAUSE_PANIC: BUTTON_LONG,
    CAUSE_DISCREET_PANIC: BUTTON_TRIPLE,
    CAUSE_CHECK_IN: BUTTON_DOUBLE,
    CAUSE_TEST: BUTTON_PRESS,
}

AGE_UNKNOWN = 255
_MINUTES_FROM = 128

_OBJECT_PACKET_ID = 0x00
_OBJECT_BATTERY = 0x01
_OBJECT_BUTTON = 0x3A
_OBJECT_RAW = 0x54

BODY_SIZE = 15
"""Bytes of BTHome objects in one of our frames: packet id 2, battery 2, button 2, raw 2 + 7."""


def encode_age(seconds: int) -> int:
    """Age as one byte: 0-127 seconds; 128-254 the minutes 2-128; 255 older than that, or unknown."""
    if seconds < _MINUTES_FROM:
        return max(0, seconds)
    minutes = seconds // 60
    return AGE_UNKNOWN if minutes > 128 else minutes + 126


def decode_age(code: int) -> "int | None":
    """Age in seconds (whole minutes from 128 s on); ``None`` = older than 128 minutes, or unknown."""
    if code == AGE_UNKNOWN:
        return None
    return code if code < _MINUTES_FROM else (code - 126) * 60


def pack(
    epoch: int,
    sequence: int,
    cause: int,
    stage: int,
    age: int,
    told: int,
    not_worn: bool,  # noqa: FBT001 - bits of a byte; MicroPython's keyword-only arguments cost code space
    charging: bool,  # noqa: FBT001
    fault: bool,  # noqa: FBT001
) -> bytes:
    """The seven bytes; ``age`` in seconds."""
    status = told | not_worn << 3 | charging << 4 | fault << 5 | VERSION << 6
    return struct.pack("<HHBBB", epoch, sequence, cause | stage << 5, encode_age(age), status)


def body(packet_id: int, battery: int, button: int, raw: bytes) -> bytes:
    """The BTHome objects of a frame, ascending by object id as BTHome asks; ``battery`` in percent."""
    return (
        bytes(
            (
                _OBJECT_PACKET_ID,
                packet_id & 0xFF,
                _OBJECT_BATTERY,
                battery,
                _OBJECT_BUTTON,
                button,
                _OBJECT_RAW,
                SIZE,
            )
        )
        + raw
    )
