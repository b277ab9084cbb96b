"""What goes wrong, and what people do meanwhile: all of it drawn from the seed before it happens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from hub.domain.session import Risk
from simulator.explore.worst import Worst, break_events

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from simulator.explore.gateway import GatewayProcess
    from simulator.explore.process import Process
    from simulator.explore.wearer import Wearer
    from simulator.explore.world import World

_AWAY_S: Final = (1.0, 3.0, 8.0, 20.0, 60.0, 110.0)
_POINTS: Final = 60


class Storm:
    """A plan of faults and presses.

    Args:
        world: where they happen.
        dice: of the seed.
        lasts_s: until it is over.
    """

    def __init__(self, world: World, dice: Random, lasts_s: float) -> None:
        self._world, self._dice, self._lasts_s = world, dice, lasts_s
        self._at = world.agenda.at
        self._calm = False

    def plan(self) -> None:
        world = self._world
        for process in (world.hub, *world.gateways):
            process.restart_s = self._away_s
        for wearer in world.wearers:
            self._live(wearer)
        for act, most in (
            (self._doom_hub, 5),
            (self._doom_gateway, 4),
            (self._break, 6),
            (self._cut, 3),
            (self._broker_anew, 2),
            (self._fill_hub, 2),
            (self._fill_gateway, 2),
            (self._change_weather, 3),
            (self._change_air, 4),
            (self._change_mail, 4),
            (self._step_hub_clock, 2),
            (self._step_gateway_clock, 2),
        ):
            self._often(act, most)
        self._often(world.office.look, 6)
        self._at(self._lasts_s, self._end)
        Worst(world, self._lasts_s).plan()

    # Dice

    def _away_s(self) -> float:
        return 1.0 if self._calm else self._dice.choice(_AWAY_S)

    def _often(self, act: Callable[[], object], most: int) -> None:
        for _ in range(self._dice.randint(0, most)):
            self._at(self._when(), act)

    def _chance(self, likely: float) -> bool:
        return self._dice.random() < likely

    def _when(self) -> float:
        return 5.0 + self._dice.random() * (self._lasts_s - 10.0)

    def _for_a_while(self, begin: Callable[[], object], end: Callable[[], object], longest_s: float) -> None:
        begin()
        self._world.agenda.after(min(self._left_s(), 1.0 + self._dice.random() * longest_s), end)

    def _left_s(self) -> float:
        return max(0.0, self._lasts_s - self._world.agenda.now)

    def _gateway(self) -> GatewayProcess:
        return self._dice.choice(self._world.gateways)

    def _process(self) -> Process:
        return self._dice.choice((self._world.hub, *self._world.gateways))

    # People

    def _live(self, wearer: Wearer) -> None:
        dice, office = self._dice, self._world.office
        self._at(dice.random() * 3, wearer.power_on)
        if self._chance(0.8):
            risk = dice.choice((Risk.NORMAL, Risk.HIGH))
            ends_min, ahead_s = dice.choice((-4.5, -3.0, 30.0)), dice.choice((0.0, 0.0, 25.0))
            self._at(4.0, partial(office.log_session, wearer, risk, ends_min if ahead_s == 0.0 else 30.0, ahead_s))
            if self._chance(0.3):
                self._at(self._when(), partial(office.end_session, wearer.name))
        for _ in range(dice.randint(1, 4)):
            self._at(self._when(), partial(self._press, wearer))

    def _press(self, wearer: Wearer) -> None:
        kinds: list[tuple[Callable[[], object], int]] = [
            (wearer.hold, 6),
            (lambda: wearer.press(1), 2),
            (lambda: wearer.press(2), 1),
            (lambda: wearer.press(3), 1),
            (wearer.tamper, 1),
            (partial(self._then, wearer, partial(wearer.press, 1)), 5),
            (partial(self._then, wearer, partial(wearer.press, 2)), 2),
            (partial(self._then, wearer, partial(wearer.power_off, "is smashed", for_good=True)), 2),
            (partial(self._swap_battery, wearer), 6),
        ]
        self._dice.choices([act for act, _ in kinds], [weight for _, weight in kinds])[0]()

    def _then(self, wearer: Wearer, follow: Callable[[], object]) -> None:
        """An alarm or pre-alarm, and something soon after."""
        wearer.hold()
        self._world.agenda.after(2.5 + self._dice.random() * 15, follow)

    def _swap_battery(self, wearer: Wearer) -> None:
        """Often somebody presses just before the battery dies, and again with the new one."""
        wearer.hold()
        self._world.agenda.after(3 + self._dice.random() * 10, partial(wearer.power_off, "loses its battery"))
        self._world.agenda.after(15 + self._dice.random() * 20, wearer.power_on)
        self._world.agenda.after(40, wearer.hold)

    # Processes

    def _doom_hub(self) -> None:
        self._doom(self._world.hub)

    def _doom(self, process: Process) -> None:
        process.fate.doom(self._dice.randint(0, _POINTS) if process is self._world.hub else self._dice.randint(0, 6))

    def _doom_gateway(self) -> None:
        gateway = self._gateway()
        if self._chance(0.5):
            self._doom(gateway)
            return
        gateway.kill()
        to_its_card = (gateway.wipe, gateway.save, gateway.go_back, lambda: None)
        self._dice.choices(to_its_card, (3, 5, 3, 9))[0]()

    # Network

    def _break(self) -> None:
        clients = self._world.broker.of(self._process().name)
        if clients:
            client = self._dice.choice(clients)
            self._world.story.tell("network", f"connection {client.client_id} breaks")
            self._world.broker.break_(client, self._dice.choice((0.01, 1.0, 6.0)))

    def _cut(self) -> None:
        process, broker = self._process(), self._world.broker

        def begin() -> None:
            self._world.story.tell("network", f"{process.name} is cut off")
            broker.cut.add(process.name)
            for client in broker.of(process.name):
                broker.break_(client, self._dice.random() * 6)

        def end() -> None:
            self._world.story.tell("network", f"{process.name} is no longer cut off")
            broker.cut.discard(process.name)

        self._for_a_while(begin, end, 60.0)

    def _broker_anew(self) -> None:
        broker, retained = self._world.broker, self._chance(0.5)

        def begin() -> None:
            self._world.story.tell("broker", "is gone" + (", and forgets what it retained" if retained else ""))
            broker.is_up = False
            broker.forget(retained=retained)

        def end() -> None:
            self._world.story.tell("broker", "is back")
            broker.is_up = True

        self._for_a_while(begin, end, 20.0)

    def _change_weather(self) -> None:
        weather, dice = self._world.broker.weather, self._dice
        weather.loss = dice.choice((0.0, 0.1, 0.4))
        weather.repeats = dice.choice((0.0, 0.3))
        weather.delay_s = dice.choice((0.02, 0.5, 3.0))
        weather.disorder = dice.choice((0.0, 0.3))
        self._world.story.tell("network", f"now {weather}")

    def _change_air(self) -> None:
        wearer, gateway = self._dice.choice(self._world.wearers), self._gateway()
        likely = self._dice.choice((0.0, 0.05, 0.3, 0.9))
        self._world.story.tell(wearer.name, f"walks: heard by {gateway.name} {likely:.0%}")
        wearer.reception[gateway.name] = likely

    def _change_mail(self) -> None:
        temper, dice = self._world.mail.temper, self._dice
        temper.refuses = dice.choice((0.0, 0.0, 0.5, 1.0))
        temper.hangs = dice.choice((0.0, 0.3))
        temper.loses_reply = dice.choice((0.0, 0.0, 0.3))
        self._world.story.tell("mail", f"now {temper}")

    # Disks and clocks

    def _fill_hub(self) -> None:
        hub = self._world.hub
        self._for_a_while(partial(hub.fill, full=True), partial(hub.fill, full=False), 30.0)
        if self._chance(0.6):
            self._flap()

    def _flap(self) -> None:
        """While the hub holds what it can't record, people press, the network is slow, and its connection flaps."""
        self._world.broker.weather.delay_s = 3.0
        for number in range(12):
            act = partial(break_events, self._world) if number % 3 else self._anybody_holds
            self._world.agenda.after(min(self._left_s(), 2.5 * number), act)

    def _anybody_tampers(self) -> None:
        """The quickest alarm there is: it may come before a step of the clock is noticed."""
        self._dice.choice(self._world.wearers).tamper()

    def _anybody_holds(self) -> None:
        self._dice.choice(self._world.wearers).hold()

    def _fill_gateway(self) -> None:
        gateway = self._gateway()
        self._for_a_while(partial(gateway.fill, full=True), partial(gateway.fill, full=False), 30.0)

    def _step_hub_clock(self) -> None:
        hub = self._world.hub
        if not hub.is_up or hub.fate.is_doomed or hub.full:
            return
        seconds = self._dice.choice((-3600.0, -600.0, -30.0, 20.0, 3600.0))
        self._world.step_hub_clock(seconds)
        self._world.agenda.after(self._dice.random() * 0.6, self._anybody_tampers)

    def _step_gateway_clock(self) -> None:
        gateway, seconds = self._gateway(), self._dice.choice((-86400.0, -20.0, 5.0, 300.0))
        gateway.clock.synchronised = False
        gateway.clock.step(seconds)
        self._world.story.tell(gateway.name, f"its clock is set by {seconds:.0f} s")

    # The calm

    def _end(self) -> None:
        world = self._world
        world.story.tell("world", "calm from here on")
        self._calm = True
        for process in (world.hub, *world.gateways):
            process.fate.doom(10**9)
            world.broker.cut.discard(process.name)
            process.start()
        world.broker.is_up = True
        world.broker.weather.__init__()  # type: ignore[misc]
        world.mail.temper.__init__()  # type: ignore[misc]
        for wearer in world.wearers:
            wearer.power_on()
            for gateway in world.gateways:
                wearer.reception[gateway.name] = max(0.3, wearer.reception.get(gateway.name, 0.0))
