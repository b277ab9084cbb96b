"""The list of all incidents, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.web.views.alarms import Alarm, alarm
from hub.web.views.board import Untaken, untaken
from hub.web.views.times import Clock, Moment

if TYPE_CHECKING:
    from hub.web.reading import PastFacts


@dataclass(frozen=True, slots=True)
class Past:
    """All incidents, live ones too."""

    now: Moment
    untaken: Untaken | None
    alarms: tuple[Alarm, ...]


def past(facts: PastFacts) -> Past:
    """In the order they come in."""
    names = facts.names
    alarms = tuple(alarm(one, names) for one in facts.incidents)
    return Past(Clock.of(names).at(names.now), untaken(facts.incidents, names), alarms)
