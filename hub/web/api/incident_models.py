"""Incidents as they go over the wire, with all that belongs to them."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StringConstraints

from hub.domain.incident import Kind, Outcome, Phase
from hub.domain.matching import Verdict
from hub.store.events import RecordedEvent
from hub.store.incidents import IncidentRecord
from hub.store.journal import Entry
from hub.store.outbox import Item
from hub.web.api.models import Sent, Shown
from hub.web.closing import HIGHEST


class IncidentOut(BaseModel):
    """An incident. ``due`` is when its next step runs by itself."""

    id: str
    kind: Kind
    phase: Phase
    opened_at: datetime
    observed_at: datetime
    worker: str | None
    session: str | None
    place: str | None
    device: str | None
    gateway: str | None
    verdict: Verdict
    reasons: list[str]
    duress: bool
    cancelled_by_wearer: bool
    holder: str | None
    outcome: Outcome | None
    due: datetime | None

    @classmethod
    def of(cls, record: IncidentRecord) -> Self:
        return cls(**incident_fields(record))


def incident_fields(record: IncidentRecord) -> dict[str, Any]:
    """The fields of :class:`IncidentOut`."""
    state, match = record.state, record.match
    return {
        "id": record.id,
        "kind": state.kind,
        "phase": state.phase,
        "opened_at": record.opened_at,
        "observed_at": record.observed_at,
        "worker": match.worker,
        "session": match.session,
        "place": match.place,
        "device": record.address,
        "gateway": record.gateway,
        "verdict": match.verdict,
        "reasons": list(match.reasons),
        "duress": state.duress,
        "cancelled_by_wearer": state.cancelled_by_wearer,
        "holder": state.holder,
        "outcome": state.outcome,
        "due": state.due,
    }


class EventOut(BaseModel):
    """What a device said. Three times: when it happened, when a gateway heard it, when the hub recorded it."""

    device: str
    epoch: int
    sequence: int
    cause: str
    stage: str
    battery: int
    observed_at: datetime
    time_quality: str
    received_at: datetime
    recorded_at: datetime
    gateway: str
    rssi: int

    @classmethod
    def of(cls, event: RecordedEvent) -> Self:
        return cls(
            device=event.identity.address,
            epoch=event.identity.epoch,
            sequence=event.identity.sequence,
            cause=event.cause.label,
            stage=event.stage.label,
            battery=event.battery,
            observed_at=event.observed_at,
            time_quality=event.time_quality,
            received_at=event.received_at,
            recorded_at=event.recorded_at,
            gateway=event.gateway,
            rssi=event.rssi,
        )


class NotificationOut(Shown):
    """What was or is to be sent. Sent is not delivered, delivered is not acknowledged."""

    id: str
    kind: str
    channel: str
    recipient: str | None
    message: str
    state: str
    attempts: int
    created_at: datetime
    detail: str

    @classmethod
    def of(cls, item: Item) -> Self:
        return cls.model_validate(item)


class EntryOut(Shown):
    """A line of the journal; ``digest`` covers it and the line before."""

    number: int
    at: datetime
    action: str
    by: str | None
    detail: dict[str, str]
    previous: str
    digest: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls.model_validate(entry)


class IncidentDetail(IncidentOut):
    """An incident with all that belongs to it."""

    events: list[EventOut]
    notifications: list[NotificationOut]
    journal: list[EntryOut]


class Closing(Sent):
    """What it turned out to be.

    With ``seen``, the number of the newest journal entry that was looked at, nothing is closed (409, ``something-new``)
    when a new sign came in after it. A script that leaves it out closes whatever there is.
    """

    outcome: Outcome
    seen: Annotated[int, Field(ge=0, le=HIGHEST)] | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
