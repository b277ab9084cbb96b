"""What to say to 999 or 101, in the order in which it is asked. A person dials; no machine does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.domain.incident import Kind
from hub.web.views.alarms import hints, warning_of, where, who
from hub.web.views.times import Clock

if TYPE_CHECKING:
    from hub.store.incidents import IncidentRecord
    from hub.web.reading import IncidentFacts, Names

_THREATS: Final = frozenset({Kind.PANIC, Kind.DISCREET_PANIC})
_INJURIES: Final = frozenset({Kind.FALL, Kind.NO_MOTION})
_HAPPENED: Final = {
    Kind.PANIC: "They pressed the panic button of their personal alarm.",
    Kind.DISCREET_PANIC: "They pressed the panic button of their personal alarm in secret.",
    Kind.FALL: "Their personal alarm reports a fall.",
    Kind.NO_MOTION: "Their personal alarm reports that they do not move.",
    Kind.REMOVED: "Their personal alarm reports that it was taken off, and they do not answer.",
    Kind.TAMPER: "Their personal alarm reports that somebody tampers with it.",
    Kind.SILENCE: "Their personal alarm can't be heard any more, and they do not answer.",
    Kind.OVERRUN: "They should have been back, and they do not answer.",
    Kind.UNREADABLE: "A gateway sent an alarm that can't be read.",
}
_AT_THE_WALL: Final = {
    Kind.PANIC: "Somebody pressed the panic button on the wall there.",
    Kind.DISCREET_PANIC: "Somebody pressed the panic button there in secret.",
    Kind.TAMPER: "The cable of the panic button on the wall there was cut.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing they ask, and the answer."""

    asked: str
    answer: str


@dataclass(frozen=True, slots=True)
class CallSheet:
    """Whom to ring, and what to say.

    Attributes:
        number: in words, with when which.
        before: what to do or not to do before.
        lines: question by question.
    """

    number: str
    before: tuple[str, ...]
    lines: tuple[Line, ...]


def call_sheet(facts: IncidentFacts) -> CallSheet:
    """The sheet for one incident."""
    record, names = facts.incident, facts.names
    return CallSheet(_number(record), _before(record), (*_who(record, names), *_where(record, names), *_what(facts)))


def _number(record: IncidentRecord) -> str:
    if record.state.duress or record.state.kind in _THREATS:
        return "Ring 999, ask for the police"
    if record.state.kind in _INJURIES:
        return "Ring 999, ask for the ambulance service"
    return "Ring 999 if you believe that somebody is in danger; otherwise 101"


def _before(record: IncidentRecord) -> tuple[str, ...]:
    warning = warning_of(record)
    if warning is not None:
        return (warning, "Ask the police for a silent approach.")
    return ("Call the worker first, if that takes no longer than a minute.",)


def _who(record: IncidentRecord, names: Names) -> tuple[Line, ...]:
    worker = names.workers.get(record.match.worker or "")
    phone = worker.phone if worker is not None and worker.phone else "not known"
    may_call = "" if warning_of(record) is None else " (it must not be called)"
    return (
        Line("Who are you?", f"Your name; I am calling for {names.organisation.name}, about one of our lone workers."),
        Line("Who needs help?", who(record, names)),
        Line("Their phone?", phone + may_call),
    )


def _where(record: IncidentRecord, names: Names) -> tuple[Line, ...]:
    place = where(names.places.get(record.match.place or ""))
    if place is None:
        return (Line("Where?", "; ".join(("Not known from a session", *hints(record, names)))),)
    lines = (Line("Where?", ", ".join(filter(None, (place.name, place.address)))),)
    if place.coordinates is None:
        return lines
    return (*lines, Line("Coordinates?", f"{place.coordinates} (latitude, longitude, WGS 84)"))


def _what(facts: IncidentFacts) -> tuple[Line, ...]:
    record, clock = facts.incident, Clock.of(facts.names)
    happened = (_AT_THE_WALL if record.is_wired else _HAPPENED)[record.state.kind]
    if record.state.duress:
        happened += " They then cancelled it in a way that means: under threat."
    since = clock.at(record.observed_at)
    lines = (Line("What happened?", happened), Line("Since when?", f"{since.full}, {since.ago} ago"))
    if facts.session is None:
        return lines
    ends = clock.at(facts.session.state.ends_at)
    return (*lines, Line("How long were they to be there?", f"until {ends.short}"))
