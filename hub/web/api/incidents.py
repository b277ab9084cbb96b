"""Incidents: listed, read, taken, marked, closed."""

from typing import Annotated

from fastapi import APIRouter

from hub.cases import incidents
from hub.store import incidents as rows
from hub.web import reading
from hub.web.accounts import Person
from hub.web.api.incident_models import (
    Closing,
    EntryOut,
    EventOut,
    IncidentDetail,
    IncidentOut,
    NotificationOut,
    incident_fields,
)
from hub.web.closing import close
from hub.web.context import Hub
from hub.web.guard import calling
from hub.web.rights import Right

router = APIRouter(prefix="/incidents", tags=["incidents"])

Watcher = Annotated[Person, calling(Right.ALARMS_SEE)]
Responder = Annotated[Person, calling(Right.ALARMS_ACT)]


@router.get("")
def list_incidents(hub: Hub, person: Watcher, *, live: bool = True) -> list[IncidentOut]:
    """Newest first; with ``live=false`` those that are over, too (the newest 200)."""
    found = hub.store.read(lambda tx: rows.listed(tx, person.organisation.id, only_live=live))
    return [IncidentOut.of(record) for record in found]


@router.get("/{number}")
def get_incident(hub: Hub, person: Watcher, number: str) -> IncidentDetail:
    """With its events, notifications and journal."""
    facts = hub.store.read(lambda tx: reading.incident(tx, person.organisation, number))
    return IncidentDetail(
        **incident_fields(facts.incident),
        events=[EventOut.of(event) for event in facts.events],
        notifications=[NotificationOut.of(item) for item in facts.notifications],
        journal=[EntryOut.of(entry) for entry in facts.journal],
    )


@router.post("/{number}/take")
def take_incident(hub: Hub, person: Responder, number: str) -> IncidentOut:
    """Say that you have it: alerts that were not sent yet are not sent, and the wearer is told."""
    own, by = person.organisation.id, person.by
    return IncidentOut.of(hub.act(lambda desk: incidents.take(desk, own, number, by)))


@router.post("/{number}/help-sent")
def mark_help_sent(hub: Hub, person: Responder, number: str) -> IncidentOut:
    """Say that help is on its way; the wearer is told."""
    own, by = person.organisation.id, person.by
    return IncidentOut.of(hub.act(lambda desk: incidents.help_sent(desk, own, number, by)))


@router.post("/{number}/close")
def close_incident(hub: Hub, person: Responder, number: str, closing: Closing) -> IncidentOut:
    """Say that it is over, and what it was."""
    outcome, note, seen = closing.outcome, closing.note, closing.seen
    return IncidentOut.of(hub.act(lambda desk: close(desk, person, number, outcome, note, seen=seen)))
