"""One process that runs a world: the air, the alarms on people, strangers, an HCI port per gateway, the mailbox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from device.settings import Settings
from simulator.hci_port import HciPort
from simulator.mailbox import Mailbox
from simulator.radio import Faults, VirtualLink
from simulator.store import FileStore, MemoryStore
from simulator.stranger import Stranger
from simulator.wearable import Wearable
from simulator.whereabouts import Whereabouts
from simulator.world import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from datetime import datetime
    from pathlib import Path

    from device.ports import Store
    from simulator.world import Person, World

log = structlog.get_logger()

STEP_S: Final = 0.1


class Site:
    """A world that runs.

    Args:
        world: as in its file.
        now: wall-clock time, for the mailbox.
        state: where the devices keep their epochs; ``None`` = in memory.
        on_change: called whenever a device shows or sends something else.

    Attributes:
        link: the air, with its faults.
        where: who is where.
        people: their alarms, by name.
        ports: of the gateways, by name.
    """

    def __init__(
        self,
        world: World,
        *,
        now: Callable[[], datetime],
        state: Path | None = None,
        on_change: Callable[[Wearable], None] = lambda _: None,
    ) -> None:
        self.world = world
        self.where = Whereabouts(world)
        self.link = VirtualLink(self.where, world.seed)
        self.mailbox = Mailbox(now)
        self._state = state
        self._on_change = on_change
        self._doings: set[asyncio.Task[None]] = set()
        self.people = {person.name: self._wearable(person) for person in world.people}
        self.strangers = {
            stranger.name: Stranger(stranger.name, world.make(stranger.name).address, self.link)
            for stranger in world.strangers
        }
        self.ports = {gateway.name: HciPort(self.link, gateway.name) for gateway in world.gateways}

    def _wearable(self, person: Person) -> Wearable:
        return Wearable(
            self.world.make(person.name),
            self.link,
            self._store(person.name),
            clock=_milliseconds,
            settings=Settings(**person.device),
            on_change=self._on_change,
        )

    def _store(self, name: str) -> Store:
        return MemoryStore() if self._state is None else FileStore(self._state / f"{name}.epoch")

    async def open(self, smtp_port: int = 0, host: str = "127.0.0.1") -> None:
        """Take the air and open the ports, the mailbox's at ``host``; nothing has moved yet."""
        await self.mailbox.open(host, smtp_port)
        for port in self.ports.values():
            await port.open()
        for device in self._devices():
            await device.power_on()
        self.do(self._run())

    async def close(self) -> None:
        for doing in self._doings:
            doing.cancel()
        for device in self._devices():
            device.power_off()
        for port in self.ports.values():
            await port.close()
        await self.mailbox.close()

    def _devices(self) -> Iterator[Wearable | Stranger]:
        yield from self.people.values()
        yield from self.strangers.values()

    def step(self, now: float) -> None:
        """Let people walk and connections end, until ``now`` in seconds."""
        self.where.step(now)
        self.link.step(now)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self.step(loop.time())
            await asyncio.sleep(STEP_S)

    def person(self, name: str) -> Wearable:
        """Somebody's alarm.

        Raises:
            UnknownNameError: there is nobody of that name.
        """
        if name not in self.people:
            raise UnknownNameError("person", name, self.people)
        return self.people[name]

    async def mend(self) -> None:
        """Everybody is where they were at first, well, with an alarm that works; nothing is broken, no mail is left."""
        self.link.faults, self.where.jammer, self.mailbox.refusing = Faults(), None, False
        self.mailbox.clear()
        for name, alarm in self.people.items():
            self.where.send_home(name)
            alarm.get_up()
            alarm.put_on()
            alarm.charge_to(100)
            await alarm.reboot()

    def set_range(self, name: str, *, out: bool) -> None:
        """Take somebody out of everybody's range, or back into it.

        Raises:
            UnknownNameError: there is nobody of that name.
        """
        self.person(name)
        (self.link.faults.muted.add if out else self.link.faults.muted.discard)(name)

    def stranger(self, name: str) -> Stranger:
        """Somebody else's beacon.

        Raises:
            UnknownNameError: there is none of that name.
        """
        if name not in self.strangers:
            raise UnknownNameError("stranger", name, self.strangers)
        return self.strangers[name]

    def do(self, doing: Coroutine[None, None, None]) -> None:
        """Have something done that takes its time."""
        task = asyncio.get_running_loop().create_task(doing)
        self._doings.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._doings.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.error("the simulated world broke", exc_info=failure)


def _milliseconds() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
