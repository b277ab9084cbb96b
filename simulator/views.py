"""What the control API answers and takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocols.events import Cause, Stage, Told
from simulator.radio import Faults
from simulator.world import Share  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from simulator.site import Site


class PersonView(BaseModel):
    """Somebody's alarm, live.

    Attributes:
        at: metres east and north on the plan.
        led: name of a pattern of ``device/language.py``, as are ``buzzer`` and ``vibration``.
        refused: downlinks and alerts the device did not believe, by reason.
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
    """Faults as they are, or as they shall be. ``mail_refused``: the mailbox answers with a temporary error."""

    model_config = ConfigDict(extra="forbid")

    jammed: bool = False
    muted: list[str] = []
    loss: Share = 0.0
    loss_at: dict[str, Share] = {}
    repeats: Share = 0.0
    mail_refused: bool = False


class Battery(BaseModel):
    percent: Annotated[int, Field(ge=0, le=100)]


class Walk(BaseModel):
    place: str


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
    )


def gateway_views(site: Site) -> list[GatewayView]:
    return [
        GatewayView(name=name, at=site.where.position(name), hci=port.where, host_connected=port.host_connected)
        for name, port in site.ports.items()
    ]


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
        muted=sorted(faults.muted),
        loss=faults.loss,
        loss_at=faults.loss_at,
        repeats=faults.repeats,
        mail_refused=site.mailbox.refusing,
    )


def break_(site: Site, wanted: FaultsView) -> None:
    """Switch exactly these faults on, and all others off."""
    site.link.faults = Faults(wanted.jammed, set(wanted.muted), wanted.loss, dict(wanted.loss_at), wanted.repeats)
    site.mailbox.refusing = wanted.mail_refused
