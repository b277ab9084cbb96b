"""Who is where in a world just now, and so who hears whom."""

from __future__ import annotations

from dataclasses import dataclass
from math import dist, log10
from random import Random
from typing import TYPE_CHECKING, Final

from simulator.radio import Reception
from simulator.world import UnknownNameError

if TYPE_CHECKING:
    from simulator.world import Person, Point, World

_NEAREST_M: Final = 0.1
JAMMER_M: Final = 9.0
"""As far as a jammer reaches."""


@dataclass
class _Walker:
    """Somebody who can move."""

    person: Person
    at: Point
    to: list[str]
    since: float | None = None
    rests_until: float = 0.0


class Whereabouts:
    """Live positions; the :class:`~simulator.radio.Propagation` of a world.

    Everybody is at their first place until :meth:`step` has been called twice.

    Attributes:
        jammer: place around which a jammer lets nobody hear anything; None = there is none.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        fixed = (*world.gateways, *world.strangers)
        self.jammer: str | None = None
        self._fixed = {station.name: world.at(station.place) for station in fixed}
        self._walkers = {person.name: self._at_first(person) for person in world.people}
        self._dice: dict[tuple[str, str], Random] = {}

    def _at_first(self, person: Person) -> _Walker:
        return _Walker(person, self.world.at(person.place), list(person.route))

    def position(self, name: str) -> Point:
        walker = self._walkers.get(name)
        return walker.at if walker is not None else self._fixed[name]

    def send(self, name: str, place: str) -> None:
        """Have a person leave their route and walk to a place.

        Raises:
            UnknownNameError: there is no such person or place.
        """
        self.world.at(place)
        walker = self._leave_route(name)
        walker.to = [place]
        walker.rests_until = 0.0

    def put(self, name: str, at: Point) -> None:
        """Have a person leave their route and be somewhere at once.

        Raises:
            UnknownNameError: there is no such person.
        """
        walker = self._leave_route(name)
        walker.at, walker.to = at, []

    def send_home(self, name: str) -> None:
        """To their first place at once, and from there on along their route.

        Raises:
            UnknownNameError: there is no such person.
        """
        self._leave_route(name)
        self._walkers[name] = self._at_first(next(person for person in self.world.people if person.name == name))

    def _leave_route(self, name: str) -> _Walker:
        if name not in self._walkers:
            raise UnknownNameError("person", name, self._walkers)
        walker = self._walkers[name]
        walker.person = walker.person.model_copy(update={"route": ()})
        return walker

    def step(self, now: float) -> None:
        """Let everybody walk until ``now``, in seconds."""
        for walker in self._walkers.values():
            if walker.since is not None and walker.to and now > walker.rests_until:
                walked_s = now - max(walker.since, walker.rests_until)
                self._walk(walker, walked_s * walker.person.speed_m_s, now)
            walker.since = now

    def _walk(self, walker: _Walker, metres: float, now: float) -> None:
        goal = self.world.at(walker.to[0])
        left = dist(walker.at, goal)
        if left > metres:
            share = metres / left
            walker.at = tuple(a + (b - a) * share for a, b in zip(walker.at, goal, strict=True))  # type: ignore[assignment]  # two of them
            return
        walker.at = goal
        arrived_at = walker.to.pop(0)
        if walker.person.route:
            walker.to.append(arrived_at)
        walker.rests_until = now + walker.person.pause_s

    def between(self, sender: str, receiver: str) -> Reception | None:
        """How ``receiver`` receives ``sender`` just now; every call rolls the fading anew."""
        air = self.world.air
        strength = self.strength(sender, receiver) + self._die(sender, receiver).gauss(0.0, air.fading_db)
        if strength < air.sensitivity_dbm or self.is_jammed(receiver):
            return None
        return Reception(max(-127, min(20, round(strength))), self._loss(sender, receiver))

    def strength(self, sender: str, receiver: str) -> float:
        """Signal strength in dBm before fading, however weak."""
        air, here, there = self.world.air, self.position(sender), self.position(receiver)
        distance = max(_NEAREST_M, dist(here, there))
        return air.at_one_metre_dbm - 10 * air.exponent * log10(distance) - self._walls_db(here, there)

    def is_jammed(self, receiver: str) -> bool:
        """Whether somebody stands so near to the jammer that they hear nothing."""
        return self.jammer is not None and dist(self.position(receiver), self.world.at(self.jammer)) <= JAMMER_M

    def _die(self, sender: str, receiver: str) -> Random:
        key = (sender, receiver)
        if key not in self._dice:
            self._dice[key] = Random(f"{self.world.seed}/fading/{sender}/{receiver}")
        return self._dice[key]

    def _walls_db(self, here: Point, there: Point) -> float:
        return sum(wall.loss_db for wall in self.world.walls if _cross(here, there, wall.start, wall.end))

    def _loss(self, sender: str, receiver: str) -> float:
        arrives = 1.0 - self.world.air.loss
        for link in self.world.links:
            if set(link.between) == {sender, receiver}:
                arrives *= 1.0 - link.loss
        return 1.0 - arrives


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments a-b and c-d cross."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, p: Point) -> float:
    """On which side of the line a-b a point is: the sign of the cross product."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
