"""The worst moments: what must come together for a fault to do harm, which chance alone seldom brings about."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.explore.world import World

_LIKELY: Final = 0.5
"""How many worlds have each of them."""
_SMASHED: Final = 0.3
_STEP_BACK_S: Final = (-30.0, -600.0, -3600.0)


class Worst:
    """Some of them, at times drawn from the seed.

    Args:
        world: where they happen.
        lasts_s: until the storm is over.
    """

    def __init__(self, world: World, lasts_s: float) -> None:
        self._world, self._lasts_s = world, lasts_s

    def plan(self) -> None:
        self._silence(Random(f"{self._world.seed}/silence"))
        moments = {"worst": self._next_connection, "step": self._step_back, "swap": self._new_battery}
        for name, moment in moments.items():
            own = Random(f"{self._world.seed}/{name}")
            if own.random() < _LIKELY:
                self._world.agenda.at(5.0 + own.random() * (self._lasts_s - 30.0), partial(moment, own))

    def _silence(self, dice: Random) -> None:
        """An alarm is smashed so early that its silence is due while the world lasts."""
        if dice.random() < _SMASHED:
            smashed = partial(dice.choice(self._world.wearers).power_off, "is smashed", for_good=True)
            self._world.agenda.at(8.0 + 20.0 * dice.random(), smashed)

    def _next_connection(self, dice: Random) -> None:
        """The hub holds an alarm that it can't record, loses its connection, and another alarm comes on the next."""
        hub, (one, other) = self._world.hub, dice.sample(self._world.wearers, 2)
        self._clear_up()
        self._after(0.0, partial(hub.fill, full=True, utterly=True))
        self._after(0.5, partial(break_events, self._world))
        self._after(3.0, one.hold)
        self._after(9.0, partial(break_events, self._world))
        self._after(11.0, other.tamper)
        self._after(12.0, partial(hub.fill, full=False))

    def _step_back(self, dice: Random) -> None:
        """The hub's clock is set back, and before it notices, alarms come in."""
        self._clear_up()
        for wearer in self._world.wearers:
            self._after(4.0, wearer.tamper)
        self._after(4.05, partial(self._set_back, dice.choice(_STEP_BACK_S)))

    def _set_back(self, seconds: float) -> None:
        hub = self._world.hub
        if hub.is_up and not hub.fate.is_doomed and not hub.full:
            self._world.step_hub_clock(seconds)

    def _new_battery(self, dice: Random) -> None:
        """The first alarm after a new battery comes soon after the first one with the battery before."""
        wearer = dice.choice(self._world.wearers)
        self._clear_up()
        for seconds in (0.5, 12.0):
            self._after(seconds, partial(wearer.power_off, "loses its battery"))
            self._after(seconds + 1.0, wearer.power_on)
            self._after(seconds + 3.0, wearer.hold)

    def _clear_up(self) -> None:
        """For a moment all goes well, so that what comes next comes through."""
        self._world.broker.weather.__init__()  # type: ignore[misc]
        self._world.broker.is_up = True
        self._world.broker.cut.clear()
        for process in (self._world.hub, *self._world.gateways):
            process.start()
        for wearer in self._world.wearers:
            wearer.power_on()
            wearer.reception.update((gateway.name, 0.9) for gateway in self._world.gateways)

    def _after(self, seconds: float, act: Callable[[], object]) -> None:
        self._world.agenda.after(seconds, act)


def break_events(world: World) -> None:
    """While the hub holds messages that it could not record yet."""
    for client in world.broker.of("hub"):
        if client.client_id.endswith(".events"):
            world.story.tell("network", f"connection {client.client_id} breaks")
            world.broker.break_(client, 0.01)
