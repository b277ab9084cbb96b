"""What the control API answers and takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from protocols.events import Cause, Stage, Told
from simulator.radio import Faults
from simulator.world import Share  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from simulator.site import Site

_Coordinate = Annotated[float, Field(ge=-100_000, le=100_000)]
_LATELY_S: Final = 4.0


class PersonView(BaseModel):
    """Somebody's alarm, live.

    Attributes:
        at: metres east and north on the plan.
        led: name of a pattern of ``device/language.py``, as are ``buzzer`` and ``vibration``.
        refused: downlinks and alerts the device did not believe, by reason.
        counter: of the frame on the air; 0 before the first.
        still: lies still.
        out_of_range: nobody hears them, and they hear nobody.
    """

    name: str
    address: str
    at: tuple[float, float]
    is_on: bool
    worn: bool
    battery_percent: int
    led: str
    buzzer: str
    vibration: str
    cause: str
    stage: str
    told: str
    epoch: int
    sequence: int
    refused: dict[str, int]
    counter: int
    still: bool
    out_of_range: bool


class GatewayView(BaseModel):
    """A gateway of the world. ``hci`` is where its host connects."""

    name: str
    at: tuple[float, float]
    hci: str
    host_connected: bool


class DeviceKey(BaseModel):
    """What is burnt into somebody's alarm; ``key`` in hexadecimal."""

    name: str
    address: str
    key: str


class PlaceView(BaseModel):
    name: str
    at: tuple[float, float]
    latitude: float
    longitude: float


class WallView(BaseModel):
    start: tuple[float, float]
    end: tuple[float, float]


class WorldView(BaseModel):
    """What does not change."""

    places: list[PlaceView]
    walls: list[WallView]
    devices: list[DeviceKey]


class FaultsView(BaseModel):
    """Faults as they are, or as they shall be.

    Attributes:
        jammer: place of a jammer; empty = there is none.
        mail_refused: the mailbox answers with a temporary error.
    """

    model_config = ConfigDict(extra="forbid")

    jammed: bool = False
    jammer: str = ""
    muted: list[str] = []
    loss: Share = 0.0
    loss_at: dict[str, Share] = {}
    repeats: Share = 0.0
    mail_refused: bool = False


class Battery(BaseModel):
    percent: Annotated[int, Field(ge=0, le=100)]


class Walk(BaseModel):
    place: str


class Spot(BaseModel):
    """Metres east and north on the plan."""

    at: tuple[_Coordinate, _Coordinate]


class LinkView(BaseModel):
    """How well a gateway receives a person just now.

    Attributes:
        dbm: signal strength, before fading; None = nothing arrives, whatever the reason.
        lately: an advertisement was heard within the last seconds.
    """

    person: str
    gateway: str
    dbm: int | None
    lately: bool


def person_view(site: Site, name: str) -> PersonView:
    alarm = site.person(name)
    core, output = alarm.core, alarm.core.output
    return PersonView(
        name=name,
        address=alarm.make.address,
        at=site.where.position(name),
        is_on=alarm.is_on,
        worn=alarm.worn,
        battery_percent=alarm.battery_percent,
        led=output.led if alarm.is_on else "off",
        buzzer=output.buzzer if alarm.is_on else "off",
        vibration=output.vibration if alarm.is_on else "off",
        cause=Cause(core.cause).label,
        stage=Stage(core.stage).label,
        told=Told(core.told).label,
        epoch=core.epoch,
        sequence=core.sequence,
        refused=core.refused,
        counter=_counter(output.service_data),
        still=alarm.still,
        out_of_range=name in site.link.faults.muted,
    )


def _counter(service_data: bytes) -> int:
    """Stands before the MIC in each encrypted frame."""
    return int.from_bytes(service_data[-8:-4], "little")


def gateway_views(site: Site) -> list[GatewayView]:
    return [
        GatewayView(name=name, at=site.where.position(name), hci=port.where, host_connected=port.host_connected)
        for name, port in site.ports.items()
    ]


def link_views(site: Site, now: float) -> list[LinkView]:
    """``now`` on the clock of the world's loop."""
    return [_link(site, person, gateway, now) for person in site.people for gateway in site.ports]


def _link(site: Site, person: str, gateway: str, now: float) -> LinkView:
    strength = site.where.strength(person, gateway)
    cut = site.link.faults.cuts(person, gateway) or site.where.is_jammed(gateway) or not site.people[person].is_on
    dbm = None if cut or strength < site.world.air.sensitivity_dbm else round(strength)
    heard_at = site.link.heard_at.get((person, gateway), float("-inf"))
    return LinkView(person=person, gateway=gateway, dbm=dbm, lately=now - heard_at < _LATELY_S)


def world_view(site: Site) -> WorldView:
    world = site.world
    return WorldView(
        places=[
            PlaceView(name=place.name, at=place.at, latitude=latitude, longitude=longitude)
            for place in world.places
            for latitude, longitude in (world.on_earth(place.at),)
        ],
        walls=[WallView(start=wall.start, end=wall.end) for wall in world.walls],
        devices=[
            DeviceKey(name=name, address=alarm.make.address, key=alarm.make.key.hex())
            for name, alarm in site.people.items()
        ],
    )


def faults_view(site: Site) -> FaultsView:
    faults = site.link.faults
    return FaultsView(
        jammed=faults.jammed,
        jammer=site.where.jammer or "",
        muted=sorted(faults.muted),
        loss=faults.loss,
        loss_at=faults.loss_at,
        repeats=faults.repeats,
        mail_refused=site.mailbox.refusing,
    )


def break_(site: Site, wanted: FaultsView) -> None:
    """Switch exactly these faults on, and all others off.

    Raises:
        UnknownNameError: there is no such place.
    """
    if wanted.jammer:
        site.world.at(wanted.jammer)
    site.where.jammer = wanted.jammer or None
    site.link.faults = Faults(wanted.jammed, set(wanted.muted), wanted.loss, dict(wanted.loss_at), wanted.repeats)
    site.mailbox.refusing = wanted.mail_refused
