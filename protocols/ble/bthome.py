"""Encrypted BTHome v2 frames of our own device: bytes <-> :class:`~protocols.events.DeviceReport`.

Source: BTHome v2 format and encryption pages (bthome.io), service data after the 16-bit UUID 0xFCD2:
``device information | ciphertext | counter (4, little-endian) | MIC (4)``; nonce = address, UUID as on the air
(``D2 FC``), device information, counter.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from protocols.ble import layout
from protocols.events import Cause, DeviceReport, Stage, Told
from protocols.ids import Address, EventIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable

Which = TypeVar("Which")

UUID_ON_AIR: Final = b"\xd2\xfc"
KEY_SIZE: Final = 16
MIC_SIZE: Final = 4
_TAIL: Final = 4 + MIC_SIZE
_ENCRYPTED_BIT: Final = 0x01
_VERSION_SHIFT: Final = 5
_BTHOME_VERSION: Final = 2
FRAME_SIZE: Final = 1 + layout.BODY_SIZE + _TAIL
"""Bytes of service data in one of our frames."""
_HEAD: Final = bytes((0x00, 0x01, 0x3A, 0x54, layout.SIZE))


class FrameError(Exception):
    """A frame from the air that is not taken.

    Attributes:
        address: who claimed to send it.
        reason: a short name, stable enough to count by.
    """

    reason = "frame"

    def __init__(self, address: Address, detail: str) -> None:
        super().__init__(f"{address}: {detail}")
        self.address = address


class FrameLengthError(FrameError):
    """Not as long as our frames are.

    Attributes:
        size: bytes received.
    """

    reason = "length"

    def __init__(self, address: Address, size: int) -> None:
        super().__init__(address, f"frame of {size} bytes, ours have {FRAME_SIZE}")
        self.size = size


class PlainTextError(FrameError):
    """Unencrypted, from a device that has a key: a downgrade."""

    reason = "plain_text"

    def __init__(self, address: Address) -> None:
        super().__init__(address, "plain text from a device that has a key")


class VersionError(FrameError):
    """Another version of BTHome or of our layout.

    Attributes:
        what: ``BTHome`` or ``layout``.
        version: what it said.
    """

    reason = "version"

    def __init__(self, address: Address, what: str, version: int) -> None:
        super().__init__(address, f"{what} version {version} is not known")
        self.what = what
        self.version = version


class AuthenticationError(FrameError):
    """Not sealed under this device's key: forged, damaged, or the key is wrong.

    Attributes:
        counter: the counter it claimed.
    """

    reason = "authentication"

    def __init__(self, address: Address, counter: int) -> None:
        super().__init__(address, f"frame {counter} is not sealed under the device's key")
        self.counter = counter


class BodyError(FrameError):
    """Sealed under the right key, but not our objects or not our values.

    Attributes:
        body: the decrypted objects.
    """

    reason = "body"

    def __init__(self, address: Address, body: bytes, detail: str) -> None:
        super().__init__(address, f"{detail} in {body.hex()}")
        self.body = body


class ReplayError(FrameError):
    """A counter that was passed already.

    Attributes:
        counter: of the frame.
        last: the highest one seen.
    """

    reason = "replay"

    def __init__(self, address: Address, counter: int, last: int) -> None:
        super().__init__(address, f"frame {counter} after {last}")
        self.counter = counter
        self.last = last


@dataclass(slots=True)
class CounterGuard:
    """The highest counter seen of one device. Alive is only who passes it.

    An *event* is not judged by it: an alarm that waited on a gateway without network arrives after later heartbeats
    and still counts; its identity keeps it from counting twice.
    """

    last: int = -1

    def check(self, address: Address, counter: int) -> None:
        """Take ``counter`` as the newest.

        Raises:
            ReplayError: it was passed already.
        """
        if counter <= self.last:
            raise ReplayError(address, counter, self.last)
        self.last = counter


def decode(address: Address, key: bytes, service_data: bytes) -> DeviceReport:
    """Open one frame.

    Args:
        address: the advertiser's address.
        key: the device's 16 bytes.
        service_data: what follows the UUID 0xFCD2 in the advertisement.

    Raises:
        FrameError: one of its kinds, saying what is wrong.
    """
    _check_head(address, service_data)
    counter = struct.unpack("<I", service_data[-_TAIL:-MIC_SIZE])[0]
    body = _open(address, key, service_data, counter)
    return _report(address, counter, body)


def decode_any(
    address: Address, keys: Iterable[tuple[Which, bytes]], service_data: bytes
) -> tuple[Which, DeviceReport]:
    """Open one frame under the first of several keys that fits; which it was.

    Args:
        address: the advertiser's address.
        keys: likeliest first, each with whatever names it; made only as far as they are needed.
        service_data: what follows the UUID 0xFCD2 in the advertisement.

    Raises:
        FrameError: one of its kinds; an authentication error when none of the keys fits.
    """
    _check_head(address, service_data)
    counter = struct.unpack("<I", service_data[-_TAIL:-MIC_SIZE])[0]
    for which, key in keys:
        try:
            body = _open(address, key, service_data, counter)
        except AuthenticationError:
            continue
        return which, _report(address, counter, body)
    raise AuthenticationError(address, counter)


def _check_head(address: Address, service_data: bytes) -> None:
    if not service_data:
        raise FrameLengthError(address, 0)
    information = service_data[0]
    if information >> _VERSION_SHIFT != _BTHOME_VERSION:
        raise VersionError(address, "BTHome", information >> _VERSION_SHIFT)
    if not information & _ENCRYPTED_BIT:
        raise PlainTextError(address)
    if len(service_data) != FRAME_SIZE:
        raise FrameLengthError(address, len(service_data))


def nonce(address: Address, information: int, counter: int) -> bytes:
    return address.octets + UUID_ON_AIR + bytes([information]) + struct.pack("<I", counter)


@lru_cache(maxsize=4096)
def _cipher(key: bytes) -> AESCCM:
    return AESCCM(key, tag_length=MIC_SIZE)


def open_objects(address: Address, key: bytes, service_data: bytes) -> bytes:
    """The BTHome objects inside any encrypted BTHome v2 service data.

    Raises:
        AuthenticationError: not sealed under this key.
    """
    counter = struct.unpack("<I", service_data[-_TAIL:-MIC_SIZE])[0]
    return _open(address, key, service_data, counter)


def _open(address: Address, key: bytes, service_data: bytes, counter: int) -> bytes:
    sealed = service_data[1:-_TAIL] + service_data[-MIC_SIZE:]
    try:
        return _cipher(key).decrypt(nonce(address, service_data[0], counter), sealed, None)
    except InvalidTag:
        raise AuthenticationError(address, counter) from None


def _report(address: Address, counter: int, body: bytes) -> DeviceReport:
    if bytes((body[0], body[2], body[4], body[6], body[7])) != _HEAD:
        raise BodyError(address, body, "not the objects packet id, battery, button, raw")
    epoch, sequence, kind, age, status = struct.unpack("<HHBBB", body[8:])
    if status >> 6 != layout.VERSION:
        raise VersionError(address, "layout", status >> 6)
    try:
        cause, stage, told = Cause(kind & 0x1F), Stage(kind >> 5), Told(status & 0x07)
    except ValueError as unknown:
        raise BodyError(address, body, str(unknown)) from None
    return DeviceReport(
        identity=EventIdentity(address, epoch, sequence),
        counter=counter,
        cause=cause,
        stage=stage,
        age_s=layout.decode_age(age),
        battery=body[3],
        told=told,
        worn=not status & 0x08,
        charging=bool(status & 0x10),
        fault=bool(status & 0x20),
    )
