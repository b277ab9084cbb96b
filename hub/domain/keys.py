"""What a key is worth: which frames count, which keys gateways hold, when a device is told to take another.

A root key is one *enrolment* of a device; its working keys have *generations* (:mod:`protocols.ble.keys`). *Ordered* is
the newest generation that the hub wants, *taken* the highest one that the device was heard under (None = it was never
heard), *trusted from* the lowest that was in no lost hands.

============  ===========  ==============================  ========  ================================================
device        root key     generation of the frame         standing  why
============  ===========  ==============================  ========  ================================================
revoked       any          any                             REVOKED   it was put out of service for good
in service    replaced     any                             REPLACED  the device was given a new root key
in service    the newest   below *trusted from*            EXPOSED   who has a lost gateway may have said it
in service    the newest   below *taken*                   LEFT      the device itself has left this key behind
in service    the newest   anything else up to *ordered*   LIVE      its ordinary voice, also while it is being rekeyed
============  ===========  ==============================  ========  ================================================

LIVE alone is a sign of life, cancels, answers and proves. Under every other standing an alarm still pages, marked
unverified: a wearer must not pay for a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HELD_MOST: Final = 16
"""Generations of one root key in a keyring; more are under way only if a device is not heard for very long."""
LEFT_TRIED: Final = 8
"""How many generations that the device has left are still tried, besides the very first."""


class Standing(StrEnum):
    """What a frame's key is worth."""

    LIVE = "live"
    LEFT = "left"
    EXPOSED = "exposed"
    REPLACED = "replaced"
    REVOKED = "revoked"


DOUBTS: Final = {
    Standing.LEFT: "sealed under an old key: unverified",
    Standing.EXPOSED: "sealed under an old key: unverified",
    Standing.REPLACED: "sealed under a key that was replaced: unverified",
    Standing.REVOKED: "the device is revoked: unverified",
}


@dataclass(frozen=True, slots=True)
class KeyState:
    """One root key.

    Attributes:
        enrolment: counts the root keys of an address, from 1.
        ordered: the newest generation.
        taken: the highest generation heard; None = none yet.
        trusted_from: the lowest generation that was in no lost hands.
        replaced: there is a newer root key.
        revoked: the device is.
    """

    enrolment: int
    ordered: int
    taken: int | None
    trusted_from: int
    replaced: bool = False
    revoked: bool = False

    @property
    def is_moving(self) -> bool:
        """The device has still to take what was ordered."""
        return not self.replaced and not self.revoked and self.ordered > (self.taken or 0)


@dataclass(frozen=True, slots=True)
class Voice:
    """The key that opened a frame.

    Attributes:
        key: the working key, 16 bytes.
    """

    enrolment: int
    generation: int
    standing: Standing
    key: bytes

    @property
    def is_live(self) -> bool:
        return self.standing is Standing.LIVE

    @property
    def doubt(self) -> str | None:
        """Why it is not believed, in words; None = it is."""
        return DOUBTS.get(self.standing)

    def __repr__(self) -> str:
        return f"Voice({self.enrolment}/{self.generation} {self.standing})"


def standing(key: KeyState, generation: int) -> Standing:
    """What a frame under this generation is worth; see the table."""
    if key.revoked:
        return Standing.REVOKED
    if key.replaced:
        return Standing.REPLACED
    if generation < key.trusted_from:
        return Standing.EXPOSED
    if key.taken is not None and generation < key.taken:
        return Standing.LEFT
    return Standing.LIVE


def held(key: KeyState) -> tuple[int, ...]:
    """Generations that gateways hold, newest first: what the device may speak now. Nothing of a revoked device.

    The very first is always among them: a device that lost its memory speaks it, and its alarm must be heard, though
    it proves nothing.
    """
    if key.revoked:
        return ()
    lowest = key.taken or 0
    first = () if lowest == 0 else (0,)
    newest = range(key.ordered, lowest, -1)[: HELD_MOST - 1 - len(first)]
    return (*newest, lowest, *first)


def tried(key: KeyState) -> tuple[int, ...]:
    """Generations under which the hub tries to open a frame, likeliest first."""
    lowest = key.taken or 0
    newest = tuple(range(key.ordered, lowest, -1)[: HELD_MOST - 1])
    left = tuple(range(lowest - 1, max(lowest - 1 - LEFT_TRIED, -1), -1))
    first = () if lowest == 0 or 0 in left else (0,)
    return (*newest, lowest, *left, *first)


def wants_rekey(key: KeyState, generation: int) -> bool:
    """Whether a device heard under ``generation`` is to be told of the ordered one."""
    return key.is_moving and generation < key.ordered
