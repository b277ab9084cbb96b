"""Envelopes: one JSON object per MQTT message, with the attribute names of CloudEvents 1.0 (structured mode).

Three times: ``time`` is when it happened as far as the device knows, ``receivedtime`` when the gateway heard it, and
``recordedtime`` (in receipts) when the hub committed it. Attributes that are not known are ignored, so that a newer
sender can add some; another ``schemaversion`` is refused, and on the event topic that refusal pages somebody.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Generic, Literal, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from protocols.ids import NAME, Address, GatewayId
from protocols.location import LocationFix  # noqa: TC001 - pydantic reads it at run time

SCHEMA_VERSION: Final = 1
MAX_SIZE: Final = 256 * 1024
"""Bytes of the largest envelope that is looked at."""


class EnvelopeError(Exception):
    """A message that can't be read as the envelope its topic promises.

    Attributes:
        problems: one line per problem, ``path: what``.
        claimed_id: the envelope's id if that much could be made out.
    """

    def __init__(self, problems: list[str], claimed_id: str | None) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.claimed_id = claimed_id


def _to_bytes(value: object) -> object:
    if isinstance(value, str):
        return bytes.fromhex(value)
    return value


def _to_address(value: object) -> Address:
    if not isinstance(value, str):
        raise ValueError("an address is a string")  # noqa: TRY004 - pydantic wants a ValueError
    return Address(value)


Hex = Annotated[bytes, BeforeValidator(_to_bytes), PlainSerializer(bytes.hex, return_type=str), Field(max_length=64)]
"""Bytes, written as hexadecimal digits."""
AddressField = Annotated[
    Address,
    PlainValidator(_to_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-F]{2}(:[0-9A-F]{2}){5}$"}),
]
Rssi = Annotated[int, Field(ge=-128, le=20)]
"""Received signal strength in dBm."""


Boot = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
"""A random id that a program gives itself at every start."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class TimeQuality(StrEnum):
    """How far ``time`` can be trusted."""

    SYNCHRONISED = "synchronised"  # the gateway's clock follows a time server
    UNSYNCHRONISED = "unsynchronised"  # it does not, or it can't tell
    UNKNOWN = "unknown"  # the device could not say how long ago it was; `time` is when it was heard


class FrameData(_Data):
    """A device's event, as heard.

    Attributes:
        kind: ``frame``.
        address: the device's.
        frame: the BTHome service data, sealed as it was on the air.
        rssi: of the first frame heard.
        boot: the gateway's boot id.
    """

    kind: Literal["frame"] = "frame"
    address: AddressField
    frame: Hex
    rssi: Rssi
    boot: str


class GatewayTrouble(StrEnum):
    """What a gateway reports of itself as an event."""

    BLIND = "blind"  # it hears nothing although it should
    SEEING = "seeing"  # it hears again
    SHEDDING = "shedding"  # its disk is full: presence and positions are dropped, alarms kept
    REFUSED = "refused"  # something for a device came that the hub never sealed


class GatewayEventData(_Data):
    """An event of the gateway itself.

    Attributes:
        kind: ``gateway``.
        trouble: what happened.
        detail: in words.
        boot: the gateway's boot id.
    """

    kind: Literal["gateway"] = "gateway"
    trouble: GatewayTrouble
    detail: str
    boot: str


class ButtonSign(StrEnum):
    """What a button on a gateway's panel says."""

    PANIC = "panic"
    DISCREET_PANIC = "discreet_panic"  # the panel gives no sign of it
    TAMPER = "tamper"  # its cable is cut
    TEST = "test"  # proves the way to the hub; pages nobody


class ButtonData(_Data):
    """An event of a button that is wired to the gateway.

    Attributes:
        kind: ``button``.
        button: its name; there may be another on the same gateway.
        boot: the gateway's boot id.
        number: counts the events of this button since the gateway started; with gateway, boot and button it is the
            event's identity.
        sign: what it says.
        gateway: where it was pressed; None = on the gateway that sends it. One that was enrolled anew under another
            id still sends what it kept.
    """

    kind: Literal["button"] = "button"
    button: Annotated[str, Field(pattern=f"^{NAME}$")]
    boot: Annotated[str, Field(min_length=1, max_length=64)]
    number: Annotated[int, Field(ge=1, lt=2**31)]
    sign: ButtonSign
    gateway: Annotated[str, Field(pattern=f"^{NAME}$")] | None = None


EventData = Annotated[FrameData | GatewayEventData | ButtonData, Field(discriminator="kind")]


class GatewayState(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"  # also the last will


class PanelFault(StrEnum):
    """What can be wrong with a panel."""

    UNUSABLE = "unusable"  # its pins can't be used, or it stands still
    BUTTON_STUCK = "button stuck"
    CABLE_CUT = "cable cut"


class PanelTold(StrEnum):
    """What a panel shows of its button's newest alarm."""

    WAITING = "waiting"  # the hub has not receipted it
    STORED = "stored"
    PERSON_HAS_IT = "person has it"
    HELP_SENT = "help sent"
    CLOSED = "closed"


class PanelData(_Data):
    """A gateway's panel, as it stands.

    Attributes:
        faults: what is wrong, in words, by :class:`PanelFault`.
        event: envelope id of the button's newest alarm, if it knows of one.
        told: how far that has come.
        lamps: how each lamp is lit, by its name.
    """

    faults: dict[str, str] = Field(default_factory=dict)
    event: str | None = None
    told: PanelTold | None = None
    lamps: dict[str, str] = Field(default_factory=dict)


class StatusData(_Data):
    """A gateway's or hub's retained status.

    Attributes:
        state: ``offline`` is published by the broker when the connection dies.
        boot: a new random id at every start.
        version: of the program.
        outbox_depth: events kept until receipted (gateway).
        blind: hears nothing although it should (gateway).
        shed: presence digests and positions dropped since the start for want of disk (gateway).
        refused: frames refused since the start, by reason (gateway).
        unopened: expected devices of which frames come, and have for a while, that no key opens (gateway).
        restored: number of the hub's last restore from a backup; it only rises. Gateways offer again what they keep
            when it is higher than the one they know (hub).
        panel: lamps and button on the wall; None = there is no panel (gateway).
        number: of two statuses of one boot, the higher one is later; 0 = not known (gateway).
    """

    state: GatewayState
    boot: Boot
    version: Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
    number: Annotated[int, Field(ge=0, le=2**62)] = 0
    outbox_depth: Annotated[int, Field(ge=0, lt=2**31)] = 0
    blind: bool = False
    shed: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    unopened: list[AddressField] = Field(default_factory=list, max_length=1000)
    restored: Annotated[int, Field(ge=0)] = 0
    panel: PanelData | None = None


class Heard(_Data):
    """One device in a presence digest.

    Attributes:
        address: the device's.
        frame: the newest frame heard, sealed.
        heard_at: when, by the gateway's clock.
        rssi: of that frame.
    """

    address: AddressField
    frame: Hex
    heard_at: AwareDatetime
    rssi: Rssi


class PresenceData(_Data):
    """Who a gateway hears.

    Attributes:
        boot: the gateway's boot id.
        devices: expected devices heard since the last digest.
        strangers: other Bluetooth devices heard since the last digest, only counted.
    """

    boot: Boot
    devices: list[Heard] = Field(max_length=1000)
    strangers: int = 0


class PositionData(_Data):
    """Where the gateway (a phone) is."""

    fix: LocationFix


class Outcome(StrEnum):
    """What became of an event at the hub."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"  # kept raw; somebody is paged


class ReceiptData(_Data):
    """The hub has committed an event.

    Attributes:
        event: id of the envelope it answers.
        outcome: what became of it.
        address: the device's, if it was a device's.
        downlink: sealed bytes to write to the device, or None.
    """

    event: str
    outcome: Outcome
    address: AddressField | None = None
    downlink: Hex | None = None


class CommandData(_Data):
    """Bytes for a device, sealed by the hub; the gateway can't read them.

    Attributes:
        address: the device's.
        downlink: what to write.
        expires_at: give up after this.
    """

    address: AddressField
    downlink: Hex
    expires_at: AwareDatetime


class StageData(_Data):
    """How far an alarm of the gateway's own button has come, for its panel. The broker lets only the hub say it.

    Attributes:
        kind: ``stage``.
        event: envelope id of the alarm.
        told: what the panel is to show.
    """

    kind: Literal["stage"] = "stage"
    event: str
    told: PanelTold


Data = TypeVar("Data")


class Envelope(BaseModel, Generic[Data]):
    """CloudEvents 1.0 attributes around ``data``.

    Attributes:
        specversion: of CloudEvents.
        id: unique per source. A device's event has the same id on every repeat.
        source: who sent it, ``{organisation}/{gateway}``; informative, the topic decides.
        type: ``tocsin.{channel}``.
        subject: whom it is about, usually a device's address.
        time: when it happened.
        timequality: how far ``time`` can be trusted.
        receivedtime: when the gateway heard it.
        recordedtime: when the hub committed it.
        schemaversion: of ``data``.
        data: what happened.
    """

    model_config = ConfigDict(frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(min_length=1, max_length=200)]
    source: Annotated[str, Field(max_length=200)]
    type: str
    subject: str | None = None
    time: AwareDatetime
    timequality: TimeQuality = TimeQuality.UNSYNCHRONISED
    receivedtime: AwareDatetime | None = None
    recordedtime: AwareDatetime | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    schemaversion: Literal[1] = SCHEMA_VERSION
    data: Data

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        """Read a message.

        Raises:
            EnvelopeError: it is too long, no JSON, or not this envelope.
        """
        if len(payload) > MAX_SIZE:
            raise EnvelopeError([f"(message): {len(payload)} bytes, at most {MAX_SIZE}"], None)
        try:
            return cls.model_validate_json(payload)
        except ValidationError as invalid:
            problems = [f"{_path(error['loc'])}: {error['msg']}" for error in invalid.errors()]
            raise EnvelopeError(problems, claimed_id(payload)) from None


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(message)"


class _OnlyId(BaseModel):
    id: Annotated[str, Field(min_length=1, max_length=200)]


def claimed_id(payload: bytes) -> str | None:
    """The id inside a message that can't be read as a whole, so that its sender can still be answered."""
    try:
        return _OnlyId.model_validate_json(payload).id
    except ValidationError:
        return None


class EventEnvelope(Envelope[EventData]):
    """An event on its way to the hub.

    Attributes:
        waited: seconds between the gateway's hearing it and this sending, by the gateway's own ticks, so that it holds
            though the clock is not synchronised. A lower bound: of an event kept over a restart it is known only how
            long the gateway has been running since.
        replayed: the gateway had a receipt for it, and the hub was restored from a backup since.
    """

    type: Literal["tocsin.event"] = "tocsin.event"
    receivedtime: AwareDatetime  # an event without it is unreadable
    waited: Annotated[int, Field(ge=0)] = 0
    replayed: bool = False


class StatusEnvelope(Envelope[StatusData]):
    type: Literal["tocsin.status"] = "tocsin.status"


class PresenceEnvelope(Envelope[PresenceData]):
    type: Literal["tocsin.presence"] = "tocsin.presence"


class PositionEnvelope(Envelope[PositionData]):
    type: Literal["tocsin.position"] = "tocsin.position"


class ReceiptEnvelope(Envelope[ReceiptData]):
    type: Literal["tocsin.receipt"] = "tocsin.receipt"
    recordedtime: AwareDatetime  # a receipt is given after commit


class CommandEnvelope(Envelope[CommandData | StageData]):
    type: Literal["tocsin.command"] = "tocsin.command"


def event_id(address: Address, epoch: int, sequence: int, stage: int) -> str:
    """The envelope id of a device's event: the same from every gateway, at every repeat."""
    return f"{address.replace(':', '').lower()}-{epoch}-{sequence}-{stage}"


def button_event_id(gateway: GatewayId, data: ButtonData) -> str:
    """The envelope id of a wired button's event: the same at every repeat."""
    return f"{gateway}-{data.boot}-{data.button}-{data.number}"


def observed(received: datetime, age_s: int | None) -> datetime:
    """When the device says it happened, on the receiver's clock."""
    return received if age_s is None else received - timedelta(seconds=age_s)
