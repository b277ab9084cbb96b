"""The guided tour: a press, and what becomes of it. Each step ticks itself off when it has happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.domain.incident import IN_HAND, RED, Phase
from protocols.events import Told

_BELIEVED: Final = frozenset({Told.STORED, Told.PERSON_HAS_IT, Told.HELP_SENT, Told.CLOSED})
_IN_GOOD_HANDS: Final = frozenset({Told.PERSON_HAS_IT, Told.HELP_SENT, Told.CLOSED})


@dataclass(frozen=True, slots=True)
class Lesson:
    """One step.

    Attributes:
        do: what the visitor does.
        see: what that shows.
    """

    do: str
    see: str


LESSONS: Final = (
    Lesson(
        "Hold {who}'s button until it lights up.",
        "The alarm is on the air five times a second. Amber: a gateway has heard it.",
    ),
    Lesson(
        "Watch the light turn green.",
        "One flash a second: the hub has it on disk, and said so under the device's own key. An e-mail is on its way.",
    ),
    Lesson(
        "Open the console and press “Take it”.",
        "Until somebody does, more and more people are told, minute after minute. Try ten times faster.",
    ),
    Lesson(
        "Look at {who}'s alarm again.",
        "Two flashes: a named person has it. Whoever waits for help is told the truth.",
    ),
    Lesson(
        "Close the alarm in the console.",
        "Only a named person can, and says what it was. Now switch on a fault below, and press again.",
    ),
)


@dataclass(frozen=True, slots=True)
class Signs:
    """What there is to see of the one the tour is about.

    Attributes:
        is_alarming: their device sends an alarm.
        told: what it believes.
        phase: of their live incident; None = there is none.
    """

    is_alarming: bool
    told: Told
    phase: Phase | None


def advance(done: int, signs: Signs) -> int:
    """How many steps are done now. No step comes undone, and none is done before the one ahead of it."""
    while done < len(LESSONS) and _is_done(done, signs):
        done += 1
    return done


def _is_done(step: int, signs: Signs) -> bool:
    return (
        signs.is_alarming,
        signs.told in _BELIEVED and (signs.is_alarming or signs.phase in RED),
        signs.phase in IN_HAND,
        signs.told in _IN_GOOD_HANDS,
        signs.phase is None,
    )[step]
