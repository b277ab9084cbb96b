"""How one credential follows another without an alarm waiting for it.

========  ==========================================  ======================================================
phase     when                                        leads to
========  ==========================================  ======================================================
STEADY    it is time, or the hub asks for it          Ask; the answer is on the disk: Use it for presence, PRESENCE
PRESENCE  that is connected                           ALARM, Use it for alarms
ALARM     that is connected                           PROVE, Prove it: ask for the keyring with it
PROVE     the hub took it                             STEADY: the old one is worth nothing from now on
PROVE     the hub does not know it                    Return to the old one; STEADY, again later
PRESENCE  not connected within 60 s                   Return to the old one; STEADY, again later
ALARM     not connected within 20 s                   the same
========  ==========================================  ======================================================

The hub lets both in until the new one was used over HTTPS, so that comes last. Presence goes first: it tries the new
credential while alarms still have their old connection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

AGAIN_S: Final = (60.0, 300.0, 1800.0, 3600.0)
"""Until the next attempt, after one, two … that failed."""
PATIENCE_S: Final = {"presence": 60.0, "alarm": 20.0}
REST_S: Final = 600.0
"""After one rotation before the next, so that a clock that is years ahead makes no circle of them."""


class Phase(Enum):
    STEADY = "steady"
    PRESENCE = "presence"
    ALARM = "alarm"
    PROVE = "prove"


class Do(Enum):
    """What to do next."""

    NOTHING = "nothing"
    ASK = "ask the hub for the next credential"
    USE_ALARM = "use it for alarms"
    PROVE = "use it over HTTPS"
    RETURN = "use the old one again"


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where it stands; times in ticks.

    Attributes:
        since: when the phase began.
        failures: attempts in a row that failed.
        not_before: when the next attempt may begin.
    """

    phase: Phase = Phase.STEADY
    since: float = 0.0
    failures: int = 0
    not_before: float = float("-inf")


def decide(rotation: Rotation, *, wanted: bool, connected: bool, now: float) -> tuple[Rotation, Do]:
    """One look.

    Args:
        rotation: the state.
        wanted: it is time for another credential.
        connected: the connection that got the new credential last is up with it.
        now: ticks.
    """
    match rotation.phase:
        case Phase.STEADY:
            return rotation, Do.ASK if wanted and now >= rotation.not_before else Do.NOTHING
        case Phase.PRESENCE if connected:
            return replace(rotation, phase=Phase.ALARM, since=now), Do.USE_ALARM
        case Phase.ALARM if connected:
            return replace(rotation, phase=Phase.PROVE, since=now), Do.PROVE
        case Phase.PROVE:  # the answer tells: done or failed
            return rotation, Do.NOTHING
    if now - rotation.since >= PATIENCE_S[rotation.phase.value]:
        return rotation, Do.RETURN
    return rotation, Do.NOTHING


def begun(rotation: Rotation, *, now: float) -> Rotation:
    """The new credential is on the disk, and presence is to use it."""
    return replace(rotation, phase=Phase.PRESENCE, since=now)


def done(*, now: float) -> Rotation:
    return Rotation(since=now, not_before=now + REST_S)


def failed(rotation: Rotation, *, now: float) -> Rotation:
    pause = AGAIN_S[min(rotation.failures, len(AGAIN_S) - 1)]
    return Rotation(Phase.STEADY, now, rotation.failures + 1, now + pause)
