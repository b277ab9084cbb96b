"""An incident as a card: what happened, who, where, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.incident import IN_HAND, LIVE, WELFARE, Kind, Outcome, Phase
from hub.domain.ladder import LADDER, Audience
from hub.domain.matching import Verdict
from hub.web.views.times import Clock, Moment, length

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.store.directory import Place
    from hub.store.incidents import IncidentRecord
    from hub.web.reading import Names
    from protocols.ids import Address

LATE: Final = timedelta(seconds=60)
DURESS: Final = (
    "Duress: the wearer cancelled under threat. Do not call the worker's phone. Their device shows a cancel."
)
DISCREET: Final = "Discreet: the wearer asked for help unseen. Do not call the worker's phone."
HEADLINES: Final = {
    Kind.PANIC: "Panic alarm",
    Kind.DISCREET_PANIC: "Discreet panic",
    Kind.FALL: "Fall",
    Kind.NO_MOTION: "No motion",
    Kind.REMOVED: "Device taken off",
    Kind.TAMPER: "Device tampered with",
    Kind.SILENCE: "Device silent",
    Kind.OVERRUN: "Not back in time",
    Kind.UNREADABLE: "Unreadable alarm",
}
_AUDIENCES: Final = {
    Audience.WEARER: "the wearer is asked",
    Audience.SUPERVISOR: "the supervisor is told",
    Audience.EVERYONE: "everyone is told",
    Audience.CALL_SHEET: "everyone is told again, with the call sheet",
}
_VERDICTS: Final = {
    Verdict.MATCHED: "Matched",
    Verdict.AMBIGUOUS: "Ambiguous: check who and where",
    Verdict.UNMATCHED: "Unmatched: no session explains it",
}


OUTCOMES: Final = (
    (Outcome.GENUINE, "Genuine: help was needed"),
    (Outcome.FALSE_ALARM, "False alarm: nothing was wrong"),
    (Outcome.NO_CONTACT_NEEDED, "No contact needed: it was clear without speaking to them"),
    (Outcome.TEST, "Test: it was pressed to try it; proves the device"),
)
"""What an alert may turn out to be, in words."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place as people are sent to it. ``geo`` is a geo: URI (RFC 5870)."""

    name: str
    address: str = ""
    coordinates: str | None = None
    geo: str | None = None


@dataclass(frozen=True, slots=True)
class Wearing:
    """A device as it was last heard; ``heard`` is None when it never was."""

    address: str
    label: str
    heard: Moment | None = None
    battery: int | None = None
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What happens by itself next, and when."""

    what: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Alarm:
    """One incident.

    Attributes:
        tone: ``red`` nobody has it, ``held`` somebody has, ``amber`` only the wearer is asked, ``over``.
        warning: must be read before anything is done.
        phone: None also when it must not be called.
        late: how much later than it happened it was recorded, when that is long.
        standing: where it stands, in words.
        held_by: account of the person who has it.
        hints: what may help to find who and where, and proves nothing.
    """

    id: str
    tone: str
    headline: str
    warning: str | None
    who: str
    phone: str | None
    where: Where | None
    happened: Moment
    recorded: Moment
    late: str | None
    verdict: str
    certain: bool
    reasons: tuple[str, ...]
    device: Wearing | None
    gateway: str | None
    standing: str
    held_by: str | None
    outcome: str | None
    cancelled: bool
    next: Step | None
    can_act: bool
    take_label: str | None
    can_send_help: bool
    hints: tuple[str, ...] = ()


def alarm(record: IncidentRecord, names: Names) -> Alarm:
    """One incident's card."""
    state, clock = record.state, Clock.of(names)
    warning = warning_of(record)
    worker = names.workers.get(record.match.worker or "")
    can_act = state.phase in LIVE and state.phase is not Phase.PENDING
    return Alarm(
        id=record.id,
        tone=_tone(state.phase),
        headline=HEADLINES[state.kind],
        warning=warning,
        who=who(record, names),
        phone=worker.phone if worker is not None and warning is None else None,
        where=where(names.places.get(record.match.place or "")),
        happened=clock.at(record.observed_at),
        recorded=clock.at(record.opened_at),
        late=_late(record),
        verdict=_VERDICTS[record.match.verdict],
        certain=record.match.verdict is Verdict.MATCHED,
        reasons=_in_words(record, names),
        device=None if record.address is None else wearing(record.address, names),
        gateway=record.gateway,
        standing=_standing(record, names),
        held_by=state.holder,
        outcome=None if state.outcome is None else state.outcome.replace("_", " "),
        cancelled=state.cancelled_by_wearer and not state.duress,
        next=_next(record, clock),
        can_act=can_act,
        take_label=_take_label(state.phase) if can_act else None,
        can_send_help=can_act and state.phase is not Phase.HELP_SENT,
        hints=hints(record, names),
    )


def in_order(records: Iterable[IncidentRecord]) -> list[IncidentRecord]:
    """Nobody has it before somebody has it; under threat before grave before less grave; oldest first."""
    phases = [Phase.OPEN, Phase.TAKEN, Phase.HELP_SENT, Phase.PENDING, Phase.CLOSED, Phase.WITHDRAWN]
    kinds = list(Kind)

    def key(record: IncidentRecord) -> tuple[int, bool, int, object]:
        state = record.state
        return phases.index(state.phase), not state.duress, kinds.index(state.kind), record.opened_at

    return sorted(records, key=key)


def warning_of(record: IncidentRecord) -> str | None:
    """What must be known before anything is done."""
    if record.state.duress:
        return DURESS
    return DISCREET if record.state.kind is Kind.DISCREET_PANIC else None


def who(record: IncidentRecord, names: Names) -> str:
    """The worker, or as much as is known."""
    worker = names.workers.get(record.match.worker or "")
    if worker is not None:
        return worker.name
    device = names.devices.get(record.address or "")
    if device is not None:
        return f"unknown wearer of {device.label}"
    return f"unknown, by gateway {record.gateway}" if record.gateway else "unknown"


def hints(record: IncidentRecord, names: Names) -> tuple[str, ...]:
    """Who wore the device last, and who heard it, where no match says who and where."""
    found = []
    wearer = names.last_wearer(record.address)
    if record.match.worker is None and wearer is not None:
        may_call = f" (phone {wearer.phone})" if wearer.phone and warning_of(record) is None else ""
        found.append(f"last worn by {wearer.name}{may_call}")
    if record.match.place is None and record.gateway:
        found.append(f"heard by gateway {record.gateway}{names.at(names.hung.get(record.gateway))}")
    return tuple(found)


def where(place: Place | None) -> Where | None:
    """A place with its coordinates, if it has any."""
    if place is None:
        return None
    if place.latitude is None or place.longitude is None:
        return Where(place.name, place.address)
    text = f"{place.latitude:.5f}, {place.longitude:.5f}"
    return Where(place.name, place.address, text, f"geo:{place.latitude:.6f},{place.longitude:.6f}")


def wearing(address: Address, names: Names) -> Wearing:
    """A device as it was last heard."""
    device = names.devices.get(address)
    label = device.label if device is not None else address
    heard = names.heard.get(address)
    if heard is None:
        return Wearing(address, label)
    return Wearing(address, label, Clock.of(names).at(heard.heard_at), heard.battery, heard.gateway)


def _tone(phase: Phase) -> str:
    if phase is Phase.OPEN:
        return "red"
    if phase is Phase.PENDING:
        return "amber"
    return "held" if phase in IN_HAND else "over"


def _late(record: IncidentRecord) -> str | None:
    delay = record.opened_at - record.observed_at
    return length(delay) if delay > LATE else None


def _in_words(record: IncidentRecord, names: Names) -> tuple[str, ...]:
    """Reasons name the worker and the session by id; people know them otherwise."""
    worker = names.workers.get(record.match.worker or "") or names.last_wearer(record.address)
    session = f"session {record.match.session}"
    spoken = [reason.replace(session, "their session") for reason in record.match.reasons]
    if worker is None:
        return tuple(spoken)
    named = f" {worker.id}"
    return tuple(f"{one.removesuffix(named)} {worker.name}" if one.endswith(named) else one for one in spoken)


def _standing(record: IncidentRecord, names: Names) -> str:
    state, holder = record.state, names.account(record.state.holder)
    if state.phase is Phase.OPEN:
        return "Nobody has it"
    if state.phase is Phase.PENDING:
        return "The wearer is asked" if state.kind in WELFARE else "Pre-alarm: the wearer may still cancel"
    if state.phase is Phase.TAKEN:
        return f"{holder} has it"
    if state.phase is Phase.HELP_SENT:
        return f"Help is on its way, says {holder}"
    return f"Closed by {holder}" if state.phase is Phase.CLOSED else "Withdrawn before anybody was told"


def _next(record: IncidentRecord, clock: Clock) -> Step | None:
    state = record.state
    if state.due is None:
        return None
    if state.phase is Phase.PENDING:
        return Step(_AUDIENCES[LADDER[0].audience], clock.at(state.due))
    if state.phase in IN_HAND:
        return Step("everyone is reminded", clock.at(state.due))
    rung = LADDER[min(state.rung + 1, len(LADDER) - 1)]
    return Step(_AUDIENCES[rung.audience], clock.at(state.due))


def _take_label(phase: Phase) -> str:
    return "Take it" if phase is Phase.OPEN else "Take it over"
