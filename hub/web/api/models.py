"""What goes over the wire. Times are ISO 8601 with an offset; coordinates degrees, WGS 84."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hub.domain.incident import Kind, Outcome, Phase
from hub.domain.matching import Verdict
from hub.domain.session import Risk, SessionPhase
from hub.store.events import RecordedEvent
from hub.store.faults import Fault, FaultKind
from hub.store.incidents import IncidentRecord
from hub.store.journal import Entry
from hub.store.outbox import Item
from hub.store.sessions import SessionRecord
from protocols.ids import NAME

Identifier = Annotated[str, StringConstraints(pattern=rf"^{NAME}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class _Sent(BaseModel):
    """What a program sends; unknown keys are refused, so a typing error is never a silent default."""

    model_config = ConfigDict(extra="forbid")


class _Shown(BaseModel):
    """What a program gets."""

    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """An error (RFC 9457); ``type`` is stable, members beyond these say what and where."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str


class WorkerOut(_Shown):
    """A lone worker. ``supervisor`` is the account told first."""

    id: str
    name: str
    email: str | None
    phone: str | None
    supervisor: str | None


class NewWorker(_Sent):
    """A lone worker to add; without ``id`` one is made."""

    id: Identifier | None = None
    name: Text
    email: Annotated[str, StringConstraints(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    supervisor: str | None = None


class PlaceOut(_Shown):
    """A place."""

    id: str
    name: str
    address: str
    latitude: float | None
    longitude: float | None


class NewPlace(_Sent):
    """A place to add; both coordinates or neither."""

    id: Identifier | None = None
    name: Text
    address: Annotated[str, StringConstraints(max_length=500)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self


class DeviceOut(_Shown):
    """A personal alarm; its key is never shown."""

    address: str
    label: str
    revoked_at: datetime | None
    proved_at: datetime | None
    worker: str | None = None
    heard_at: datetime | None = None
    battery: int | None = None
    gateway: str | None = None


class NewDevice(_Sent):
    """A personal alarm to add; ``key`` is its 16 bytes in hexadecimal."""

    address: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$")]
    label: Text
    key: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{32}$")]


class Assignment(_Sent):
    """Who wears it from now on."""

    worker: str


class GatewayOut(_Shown):
    """A gateway as it last described itself."""

    id: str
    state: str
    version: str
    outbox_depth: int
    blind: bool
    heard_at: datetime
    place: str | None


class SessionOut(BaseModel):
    """A logged session."""

    id: str
    worker: str
    place: str
    phase: SessionPhase
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    risk: Risk
    wears_device: bool

    @classmethod
    def of(cls, record: SessionRecord) -> Self:
        state = record.state
        return cls(
            id=record.id,
            worker=record.worker,
            place=record.place,
            phase=state.phase,
            starts_at=state.starts_at,
            ends_at=state.ends_at,
            ended_at=record.ended_at,
            risk=state.risk,
            wears_device=state.wears_device,
        )


class NewSession(_Sent):
    """A session to log: ``place`` is an id, or a new place. Without ``starts_at`` it begins when it is logged."""

    worker: str
    place: str | NewPlace
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    risk: Risk = Risk.NORMAL
    start_now: bool = False


class Extension(_Sent):
    """A later end."""

    ends_at: AwareDatetime


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


class NotificationOut(_Shown):
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


class EntryOut(_Shown):
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


class Closing(_Sent):
    """What it turned out to be."""

    outcome: Outcome
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class FaultOut(_Shown):
    """An open fault."""

    id: str
    kind: FaultKind
    subject: str
    detail: str
    raised_at: datetime
    shelved_until: datetime | None
    shelved_by: str | None
    shelved_why: str | None

    @classmethod
    def of(cls, fault: Fault) -> Self:
        return cls.model_validate(fault)


class Shelving(_Sent):
    """Out of sight for ``minutes`` (at most a week), because of ``reason``."""

    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
