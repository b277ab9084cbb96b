"""When an event that is known already is one once more.

Every frame of an event has the same identity, from every gateway, however late; so what is known is a duplicate. But a
device whose memory was wiped begins its identities anew under the same root key, and whoever holds a lost gateway's
keys may have recorded an identity in advance. Neither may swallow an alarm:

==============================================================================  =========
what is known of this identity and stage                                        judgement
==============================================================================  =========
nothing                                                                         NEW
the very same bytes                                                             DUPLICATE
it was not believed, and this frame is                                          ANEW
this is no alarm                                                                DUPLICATE
it began about as long ago as this one says (:data:`SAME`)                      DUPLICATE
it began long before this one, and its counter is higher than this frame's      REPEATED
it began long before this one, and the device's counter is past this frame's,
while the device itself is heard (:data:`FRESH`): somebody replays              DUPLICATE
it began long before this one, by this frame's own word of its age              REPEATED
it began long before this one, but this frame does not know its age             DUPLICATE
==============================================================================  =========

A device counts its frames upwards over every start, so under its own memory a later event has a higher counter and
another identity. NEW and ANEW are followed like any event; REPEATED pages, marked with :data:`DOUBT`. A replay of an
alarm can bring about no more than that, and the very same bytes nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from protocols.events import ALARM_STAGES, Stage

SAME: Final = timedelta(minutes=10)
"""Two frames of one event may differ this much about when it began: clocks of gateways, ages in whole minutes."""
FRESH: Final = timedelta(minutes=2)
"""A device heard within this is on the air with its newest counter."""
DOUBT: Final = "repeats an old identity (the device lost its memory, or somebody replays): unverified"


class Judgement(StrEnum):
    """What an event is, in the light of what is known."""

    NEW = "new"
    DUPLICATE = "duplicate"
    ANEW = "anew"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Known:
    """A stage that is recorded.

    Attributes:
        life: how many times the identity had been another event before.
        observed_at: when it began.
        believed: it came under a key that counts.
    """

    stage: Stage
    life: int
    counter: int
    frame: bytes
    observed_at: datetime
    believed: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A stage as it comes in.

    Attributes:
        observed_at: when it began, as far as is known.
        dated: the frame itself knows how old it is.
        believed: it comes under a key that counts.
    """

    stage: Stage
    counter: int
    frame: bytes
    observed_at: datetime
    dated: bool
    believed: bool


@dataclass(frozen=True, slots=True)
class LastSign:
    """The newest sign of life of the device."""

    counter: int
    heard_at: datetime


def judge(said: Said, known: list[Known], last: LastSign | None, now: datetime) -> Judgement:
    """What ``said`` is; ``known`` is all that is recorded under its identity, the latest life first."""
    same = [one for one in known if one.stage is said.stage]
    if not same:
        return Judgement.NEW
    if any(one.frame == said.frame for one in same):
        return Judgement.DUPLICATE
    if said.believed and not any(one.believed for one in same):
        return Judgement.ANEW
    if said.stage not in ALARM_STAGES or said.observed_at - same[0].observed_at <= SAME:
        return Judgement.DUPLICATE
    return _long_after(said, same[0], last, now)


def _long_after(said: Said, known: Known, last: LastSign | None, now: datetime) -> Judgement:
    if said.counter < known.counter:
        return Judgement.REPEATED
    if last is not None and said.counter <= last.counter and now - last.heard_at <= FRESH:
        return Judgement.DUPLICATE
    return Judgement.REPEATED if said.dated else Judgement.DUPLICATE


def life(said: Said, known: list[Known]) -> int:
    """Which life of the identity ``said`` belongs to, if it is no duplicate.

    An alarm that is believed shares none with what is not: else an incident that somebody forged in advance, and that
    was dealt with, would take it in without a word.
    """
    newest = max((one.life for one in known), default=0)
    there = [one for one in known if one.life == newest]
    taken = any(one.stage is said.stage for one in there)
    doubtful = said.believed and said.stage in ALARM_STAGES and not all(one.believed for one in there)
    return newest + 1 if taken or doubtful else newest
