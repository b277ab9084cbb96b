"""What every page has around what it is about: the time, and alarms that must not be overlooked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hub.store import incidents
from hub.web import reading
from hub.web.views.board import Untaken, untaken
from hub.web.views.times import Clock, Moment

if TYPE_CHECKING:
    from hub.store.store import Tx
    from hub.web.accounts import Person
    from hub.web.reading import Names


@dataclass(frozen=True, slots=True)
class Frame:
    """Around a page."""

    now: Moment
    untaken: Untaken | None


def around(tx: Tx, person: Person, back: str) -> tuple[dict[str, Any], Names]:
    """What templates of setting up want besides their own (``me``, ``back``, ``board``, ``clock``, …), and names."""
    names = reading.names(tx, person.organisation)
    live = incidents.listed(tx, person.organisation.id, only_live=True)
    clock = Clock.of(names)
    frame = Frame(clock.at(names.now), untaken(live, names))
    choices = [(place.id, place.name) for place in names.places.values()]
    about = {"me": person, "back": back, "board": frame, "clock": clock, "names": names, "place_choices": choices}
    return about, names
