"""What goes over the wire. Times are ISO 8601 with an offset; coordinates degrees, WGS 84."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hub.cases.gateways import Standing
from hub.domain.mail import is_address
from hub.domain.quoting import has_unseen
from hub.domain.session import Risk, SessionPhase
from hub.store.faults import Fault, FaultKind
from hub.store.sessions import SessionRecord
from protocols.ids import NAME

Identifier = Annotated[str, StringConstraints(pattern=rf"^{NAME}$")]


def _seen(text: str) -> str:
    if has_unseen(text):
        raise ValueError("it holds characters that nobody sees (line ends, controls, marks of direction)")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_seen)]
"""One line that can be seen as it is."""


def _email(text: str) -> str:
    if not is_address(text):
        raise ValueError("no e-mail address that a mail can be sent to")
    return text


Email = Annotated[str, StringConstraints(max_length=320), AfterValidator(_email)]


class Sent(BaseModel):
    """What a program sends; unknown keys are refused, so a typing error is never a silent default."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
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


class WorkerOut(Shown):
    """A lone worker. ``supervisor`` is the account told first."""

    id: str
    name: str
    email: str | None
    phone: str | None
    supervisor: str | None


class NewWorker(Sent):
    """A lone worker to add; without ``id`` one is made."""

    id: Identifier | None = None
    name: Text
    email: Email | None = None
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    supervisor: str | None = None


class PlaceOut(Shown):
    """A place."""

    id: str
    name: str
    address: str
    latitude: float | None
    longitude: float | None


class NewPlace(Sent):
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


class DeviceOut(Shown):
    """A personal alarm; its key is never shown."""

    address: str
    label: str
    revoked_at: datetime | None
    proved_at: datetime | None
    worker: str | None = None
    heard_at: datetime | None = None
    battery: int | None = None
    gateway: str | None = None


class NewDevice(Sent):
    """A personal alarm to add; ``key`` is its 16 bytes in hexadecimal."""

    address: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$")]
    label: Text
    key: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{32}$")]


class Assignment(Sent):
    """Who wears it from now on; ``replace``: instead of what they wear now."""

    worker: str
    replace: bool = False


class GatewayOut(Shown):
    """A gateway as it last described itself, and how far it has come; ``state`` is None when it was never heard."""

    id: str
    standing: Standing
    state: str | None
    version: str
    outbox_depth: int
    blind: bool
    heard_at: datetime | None
    place: str | None
    generation: int | None
    rotating: bool
    code_until: datetime | None


class NewCode(Sent):
    """A gateway to be enrolled: where it hangs, and for how long the code is good."""

    place: str | None = None
    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 60


class CodeOut(BaseModel):
    """What to type at the gateway, shown this once."""

    code: str
    command: str
    expires_at: datetime


class Revocation(Sent):
    """Why: lost, stolen, replaced."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


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


class NewSession(Sent):
    """A session to log: ``place`` is an id, or a new place. Without ``starts_at`` it begins when it is logged.

    One that overlaps another of the same worker is refused (409, ``overlap``) unless ``also`` is true.
    """

    worker: str
    place: str | NewPlace
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    risk: Risk = Risk.NORMAL
    start_now: bool = False
    also: bool = False


class Extension(Sent):
    """A later end."""

    ends_at: AwareDatetime


class FaultOut(Shown):
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


class Shelving(Sent):
    """Out of sight for ``minutes`` (at most a week), because of ``reason``."""

    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
