"""A world as a TOML file: places on a plan, walls, gateways, people with their alarms, strangers' beacons, and the air.

Nothing secret is in it, unless an alarm has a label: otherwise its address and key follow from the seed and the
wearer's name, so that whoever has the file can enrol the devices of the world.
"""

from __future__ import annotations

import hashlib
import tomllib
from math import cos, radians
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from device.settings import SettingError, Settings
from protocols import labels
from protocols.ids import Address
from simulator.make import Make
from tocsin.settings import Section, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
Share = Annotated[float, Field(ge=0, le=1)]
Point = tuple[float, float]
"""Metres east and north of the plan's origin."""

_METRES_PER_DEGREE: Final = 111_320.0
_STATIC_RANDOM: Final = 0xC0
"""The two highest bits of a static random device address, Core Specification 5.4, volume 6, part B, 1.3.2.1."""


class UnknownNameError(LookupError):
    """A name the world does not have.

    Attributes:
        kind: of what, ``place``.
        name: what was asked for.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no {kind} {name!r}; there are {', '.join(sorted(known)) or 'none'}")
        self.kind = kind
        self.name = name


class Origin(Section):
    """Where on Earth the plan's origin is, in degrees."""

    latitude: Annotated[float, Field(ge=-85, le=85)] = 51.4545
    longitude: Annotated[float, Field(ge=-180, le=180)] = -2.5879


class Place(Section):
    """A named place on the plan."""

    name: Name
    at: Point


class Wall(Section):
    """A straight wall that costs every link through it some decibels."""

    start: Point
    end: Point
    loss_db: Annotated[float, Field(ge=0, le=100)] = 8.0


class Station(Section):
    """Something with a radio, at first at a place."""

    name: Name
    place: Name


class Gateway(Station):
    """A gateway; it stays where it is."""


def _known_to_the_device(changes: dict[str, int]) -> dict[str, int]:
    try:
        Settings(**changes)
    except SettingError as wrong:
        raise ValueError(str(wrong)) from wrong
    return changes


def _label(text: str | None) -> str | None:
    if text is not None and labels.read(text).address is None:
        raise ValueError("a bare key is no label: it has no address")
    return text


class Person(Station):
    """Somebody with a personal alarm.

    Attributes:
        route: places they walk to in turn, over and over; empty = they stay.
        pause_s: how long they stay at each.
        speed_m_s: how fast they walk.
        risk: of the session that they have in a demo.
        device: settings of the alarm that differ from its defaults, as in ``device/settings.py``.
        label: of the alarm, as ``tocsin hub device new`` made it; its address and key follow from the seed without one.
    """

    route: tuple[Name, ...] = ()
    pause_s: Annotated[float, Field(ge=0)] = 60.0
    speed_m_s: Annotated[float, Field(gt=0, le=20)] = 1.4
    risk: Literal["normal", "high"] = "normal"
    device: Annotated[dict[str, int], AfterValidator(_known_to_the_device)] = Field(default_factory=dict)
    label: Annotated[str | None, AfterValidator(_label)] = None


class Stranger(Station):
    """A beacon of somebody else's that happens to be around."""


class Link(Section):
    """A link that is worse than the plan says."""

    between: tuple[Name, Name]
    loss: Share


class Air(Section):
    """Log-distance path loss with fading.

    Attributes:
        at_one_metre_dbm: signal strength one metre away.
        exponent: 2 in free space, 2.5 to 4 in buildings.
        fading_db: standard deviation from one advertisement to the next.
        sensitivity_dbm: below this nothing is heard.
        loss: share of advertisements lost on every link, however near.
    """

    at_one_metre_dbm: Annotated[float, Field(ge=-100, le=20)] = -59.0
    exponent: Annotated[float, Field(ge=1, le=6)] = 2.6
    fading_db: Annotated[float, Field(ge=0, le=20)] = 3.0
    sensitivity_dbm: Annotated[float, Field(ge=-120, le=0)] = -94.0
    loss: Share = 0.1


class World(Section):
    """The whole file."""

    seed: int
    origin: Origin = Origin()
    air: Air = Air()
    places: Annotated[tuple[Place, ...], Field(min_length=1)]
    walls: tuple[Wall, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    people: tuple[Person, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    links: tuple[Link, ...] = ()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        problems = [*self._doubled(), *self._missing_places(), *self._missing_stations()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _doubled(self) -> Iterable[str]:
        for names in ([place.name for place in self.places], self.stations):
            yield from (f"there are two of {name!r}" for name in sorted({n for n in names if names.count(n) > 1}))

    def _missing_places(self) -> Iterable[str]:
        known = {place.name for place in self.places}
        for station in self._stations:
            wanted = (station.place, *(station.route if isinstance(station, Person) else ()))
            yield from (f"{station.name}: no place {place!r}" for place in wanted if place not in known)

    def _missing_stations(self) -> Iterable[str]:
        for link in self.links:
            yield from (f"links: nobody is called {name!r}" for name in link.between if name not in self.stations)

    @property
    def stations(self) -> list[str]:
        """Everybody with a radio."""
        return [station.name for station in self._stations]

    @property
    def _stations(self) -> tuple[Station, ...]:
        return (*self.gateways, *self.people, *self.strangers)

    def at(self, place: str) -> Point:
        """Where a place is on the plan.

        Raises:
            UnknownNameError: there is none of that name.
        """
        places = {known.name: known.at for known in self.places}
        if place not in places:
            raise UnknownNameError("place", place, places)
        return places[place]

    def on_earth(self, point: Point) -> tuple[float, float]:
        """Degrees of latitude and longitude of a point; good to a metre over a few kilometres."""
        latitude = self.origin.latitude + point[1] / _METRES_PER_DEGREE
        stretch = _METRES_PER_DEGREE * cos(radians(self.origin.latitude))
        return latitude, self.origin.longitude + point[0] / stretch

    def make(self, name: str) -> Make:
        """What is burnt into the device of ``name``."""
        given = next((person.label for person in self.people if person.name == name), None)
        label = None if given is None else labels.read(given)
        if label is not None and label.address is not None:
            return Make(name, label.address, label.key)
        octets = self._derive("address", name)[:6]
        octets = bytes((octets[0] | _STATIC_RANDOM,)) + octets[1:]
        return Make(name, Address(octets.hex(":")), self._derive("key", name)[:16])

    def _derive(self, what: str, name: str) -> bytes:
        return hashlib.sha256(f"tocsin world {self.seed} {what} {name}".encode()).digest()


def load(path: Path) -> World:
    """Read a world file.

    Raises:
        SettingsError: it is missing, is not TOML, or says something a world can't be.
    """
    try:
        return World.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as unreadable:
        raise SettingsError(str(path), [f"can't be read: {unreadable.strerror}"]) from unreadable
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise SettingsError(str(path), [f"is not TOML: {broken}"]) from broken
    except ValidationError as invalid:
        raise SettingsError(str(path), _problems(invalid)) from invalid


def _problems(invalid: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, error['loc'])) or '(world)'}: {error['msg'].removeprefix('Value error, ')}"
        for error in invalid.errors()
    ]
