"""What waits to be written to one device.

The bytes are sealed by the hub and checked by the device. A gateway that has the device's key opens them all the same:
to know which of them another one replaces, and to refuse what was never sealed for this device before a connection is
spent on it. Only a *rekey* passes unopened: it is sealed under the root key, which no gateway has.

A device takes only rising counters, so downlinks go out in the order of their counters. *Heard* is the gateway's own
word: it answers one frame, so it always carries the newest, and it is dropped as soon as the hub's word is there.
Times are ticks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from protocols.ble import aes, downlink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.enrolment import DeviceKey
    from protocols.ids import Address, EventIdentity

RECEIPT_FOR_S: Final = 60.0
HUB_FIRST_S: Final = 0.7
"""How long our own word waits for the hub's, which saves a connection."""
HEARD_FOR_S: Final = 20.0
COMMAND_MOST_S: Final = 3600.0
WAITING_MAX: Final = 16
"""Downlinks kept per device; then one goes (see :func:`_least`), and is counted."""
_BACKOFF_S: Final = (0.5, 1.0, 2.0, 4.0, 5.0)


class DownlinkError(Exception):
    """Bytes that were not sealed for this device.

    Attributes:
        address: of the device they were meant for.
        value: the bytes.
    """

    def __init__(self, address: Address, value: bytes) -> None:
        super().__init__(f"{address}: not sealed under its key: {value.hex()}")
        self.address = address
        self.value = value


@dataclass(frozen=True, slots=True)
class Downlink:
    """Sealed bytes for a device.

    Attributes:
        value: what is written.
        kind: ``downlink.KIND_*``.
        counter: the hub's, only ever rising.
        subject: what it is about; a newer one of the same kind and subject replaces it. None: it is kept.
        expires: when it is given up.
    """

    value: bytes
    kind: int
    counter: int
    subject: tuple[int, ...] | None
    expires: float


@dataclass(frozen=True, slots=True)
class Heard:
    """The gateway's own word on one frame.

    Attributes:
        identity: of the event.
        counter: of the newest frame heard of it.
        expires: when it is given up.
        key: under which that frame was sealed, and so this is.
    """

    identity: EventIdentity
    counter: int
    expires: float
    key: DeviceKey

    def seal(self) -> bytes:
        identity = self.identity
        octets = identity.address.octets
        return downlink.seal(
            aes.block(self.key.key), octets, downlink.KIND_HEARD, self.counter, identity.epoch, identity.sequence, 0, 0
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One device's queue.

    Attributes:
        waiting: by rising counter.
        heard: the gateway's own word, if it is still worth saying.
        failures: attempts in a row that failed.
        not_before: when the next attempt may start.
    """

    waiting: tuple[Downlink, ...] = ()
    heard: Heard | None = None
    failures: int = 0
    not_before: float = 0.0

    @property
    def empty(self) -> bool:
        return not self.waiting and self.heard is None

    @property
    def words(self) -> tuple[Downlink | Heard, ...]:
        """In the order in which they are written."""
        return self.waiting if self.heard is None else (*self.waiting, self.heard)


def read(address: Address, keys: Sequence[DeviceKey], value: bytes, *, expires: float) -> Downlink:
    """Look into sealed bytes.

    Args:
        address: of the device they are for.
        keys: its keys, newest first; none for a stranger.
        value: the bytes.
        expires: when they are given up.

    Raises:
        DownlinkError: they were not sealed for this device.
    """
    if len(value) == downlink.SIZE and value[0] == downlink.KIND_REKEY and keys:
        return Downlink(value, downlink.KIND_REKEY, struct.unpack("<I", value[1:5])[0], (), expires)
    tried = (downlink.open_(aes.block(key.key), address.octets, value) for key in keys)
    opened = next((content for content in tried if content is not None), None)
    if opened is None:
        raise DownlinkError(address, value)
    kind, counter, epoch, sequence, code, _ = opened
    return Downlink(value, kind, counter, _subject(kind, epoch, sequence, code), expires)


def _subject(kind: int, epoch: int, sequence: int, code: int) -> tuple[int, ...] | None:
    """A receipt answers one stage, so that of a pre-alarm never replaces that of the alarm; a later stage does."""
    if kind == downlink.KIND_RECEIPT:
        return epoch, sequence, code
    return (epoch, sequence) if kind == downlink.KIND_STAGE else None


def with_downlink(line: Line, new: Downlink) -> tuple[Line, int]:
    """Queue the hub's word; also how many others were dropped for want of room."""
    if line.failures == 0:
        line = replace(line, not_before=0.0)
    if any(_covers(old, new) for old in line.waiting):
        return replace(line, heard=None), 0
    kept = [old for old in line.waiting if not _covers(new, old)]
    queued = sorted([*kept, new], key=lambda each: each.counter)
    dropped = [_least(queued)] if len(queued) > WAITING_MAX else []
    waiting = tuple(each for each in queued if each not in dropped)
    return replace(line, waiting=waiting, heard=None), len(dropped)


def _least(queued: Sequence[Downlink]) -> Downlink:
    """Which goes when there is no room, of words by rising counter.

    A word of the oldest event, as long as there are others: who replays old events takes no room from the newest one.
    Then a command, and a word of the only event last.
    """
    events = {event for each in queued if (event := _event(each)) is not None}
    oldest = min(events) if len(events) > 1 else None
    return next((each for each in queued if _event(each) == oldest and each.kind != downlink.KIND_REKEY), queued[0])


def _event(word: Downlink) -> tuple[int, ...] | None:
    """Epoch and sequence; None if it is about none."""
    return word.subject[:2] if word.subject else None


def _covers(newer: Downlink, older: Downlink) -> bool:
    """``older`` need not be written once ``newer`` is."""
    if newer.value == older.value:
        return True
    same = newer.subject is not None and (newer.kind, newer.subject) == (older.kind, older.subject)
    return same and newer.counter > older.counter


def with_heard(line: Line, heard: Heard, *, now: float) -> Line:
    """Queue our own word, unless the hub's is there already; the hub's usually comes before ours need be said."""
    if line.waiting:
        return line
    first = line.heard is None and line.failures == 0
    return replace(line, heard=heard, not_before=now + HUB_FIRST_S if first else line.not_before)


def unexpired(line: Line, *, now: float) -> tuple[Line, int]:
    """Without what is no longer worth saying; also how many of the hub's words that were."""
    waiting = tuple(each for each in line.waiting if each.expires > now)
    heard = line.heard if line.heard is not None and line.heard.expires > now else None
    return replace(line, waiting=waiting, heard=heard), len(line.waiting) - len(waiting)


def written(line: Line, done: Downlink | Heard) -> Line:
    """``done`` was written. Whether the device believed it, only its next frames say."""
    heard = None if line.heard == done else line.heard
    return replace(line, waiting=tuple(each for each in line.waiting if each != done), heard=heard)


def failed(line: Line, *, now: float) -> Line:
    pause = _BACKOFF_S[min(line.failures, len(_BACKOFF_S) - 1)]
    return replace(line, failures=line.failures + 1, not_before=now + pause)


def succeeded(line: Line) -> Line:
    return replace(line, failures=0, not_before=0.0)
