"""An event of a button that is wired to a gateway: recorded once, and an alarm of the place where it hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.cases import incidents
from hub.cases.recording import Recorded
from hub.domain.incident import Kind, Raised
from hub.domain.wired import match_place
from hub.store import journal, presence, restores, sessions, wired_events
from protocols.ids import PlaceId
from protocols.mqtt.envelope import ButtonSign, Outcome

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.domain.matching import Match
    from hub.store.wired_events import WiredEvent

_KINDS: Final = {
    ButtonSign.PANIC: Kind.PANIC,
    ButtonSign.DISCREET_PANIC: Kind.DISCREET_PANIC,
    ButtonSign.TAMPER: Kind.TAMPER,
}


def record(desk: Desk, event: WiredEvent, *, replayed: bool = False) -> Recorded:
    """Record one event; everything that follows from it happens in this transaction. A test pages nobody.

    Args:
        desk: the transaction.
        event: what the button says.
        replayed: the gateway had a receipt for it, from before the hub was restored.
    """
    if not wired_events.add(desk.tx, event):
        return Recorded(Outcome.DUPLICATE)
    if event.data.sign is ButtonSign.TEST:
        _write_down(desk, event, incidents.of_gateway(event.gateway))
    else:
        incident = _raise(desk, event)
        if replayed:
            restores.note_replayed(desk.tx, event.organisation, incident, event.observed_at)
    return Recorded(Outcome.RECORDED)


def _raise(desk: Desk, event: WiredEvent) -> str:
    found = _match(desk, event)
    about = incidents.About(
        organisation=event.organisation,
        subject=_subject(event, found),
        match=found,
        observed_at=event.observed_at,
        gateway=event.gateway,
    )
    raised = Raised(_KINDS[event.data.sign], age=desk.now - event.observed_at)
    incident = incidents.raise_(desk, about, raised)
    wired_events.attach(desk.tx, event, incident.id)
    _write_down(desk, event, incident.id)
    return incident.id


def _subject(event: WiredEvent, found: Match) -> str:
    """The worker if it can be only one, whose own alarm it then joins; otherwise the place."""
    if found.worker is not None:
        return incidents.of_worker(found.worker)
    return incidents.of_button(event.gateway) if found.place is None else incidents.of_place(found.place)


def _match(desk: Desk, event: WiredEvent) -> Match:
    gateway = presence.get_gateway(desk.tx, event.organisation, event.gateway)
    place = None if gateway is None or gateway.place is None else PlaceId(gateway.place)
    there = [] if place is None else sessions.windows_at(desk.tx, event.organisation, place, event.observed_at)
    return match_place(event.observed_at, f"{event.data.button} of gateway {event.gateway}", place, there)


def _write_down(desk: Desk, event: WiredEvent, chain: str) -> None:
    detail = {
        "event": f"{event.gateway}/{event.data.boot}/{event.data.button}/{event.data.number}",
        "cause": event.data.sign.replace("_", " "),
        "stage": "wired button",
        "observed": event.observed_at.isoformat(),
        "received": event.received_at.isoformat(),
        "gateway": event.gateway,
    }
    journal.append(desk.tx, event.organisation, chain, "event", detail=detail)
