"""A worker with a personal alarm: the real core, a radio that loses, and a GATT that fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bleak.exc import BleakError, BleakGATTProtocolError

from device.core import Core
from protocols.ble import aes, bthome, keys, layout
from protocols.mqtt.envelope import event_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from device.settings import Settings
    from protocols.events import DeviceReport
    from protocols.ids import Address
    from simulator.explore.agenda import Agenda
    from simulator.explore.gateway import GatewayProcess
    from simulator.explore.story import Story

PRESS_S: Final = 0.12
BETWEEN_S: Final = 0.15
LONG_S: Final = 1.8
_TOLD: Final = {value: name[5:].lower() for name, value in vars(layout).items() if name.startswith("TOLD_")}
_OUT_OF_RANGE: Final = 0.02


class Flash:
    """Three numbers that outlive a battery."""

    def __init__(self) -> None:
        self.kept = (0, 0, 0)

    def load(self) -> tuple[int, int, int]:
        return self.kept

    def save(self, epoch: int, counter: int, generation: int) -> None:
        self.kept = (epoch, counter, generation)


class Wearer:
    """One person and what they wear.

    Args:
        name: of the worker.
        address: of the alarm.
        root: its key.
        settings: of the firmware.
        agenda: the time.
        dice: of the air around it.
        story: where it is told.
        shown: called with what each new frame says.

    Attributes:
        reception: how likely one advertisement of the alarm is heard, by gateway.
        is_on: it has power and is in one piece.
        off_since: when it last went off.
    """

    def __init__(
        self,
        name: str,
        address: Address,
        root: bytes,
        settings: Settings,
        agenda: Agenda,
        dice: Random,
        story: Story,
        shown: Callable[[Wearer, DeviceReport], None],
    ) -> None:
        self.name, self.address, self.root = name, address, root
        self.working = keys.working(aes.block(root), 0)
        self.reception: dict[str, float] = {}
        self.hearers: Iterable[GatewayProcess] = ()
        self.is_on = self.is_smashed = False
        self.off_since = 0.0
        self._settings, self._agenda, self._dice, self._story, self._shown = settings, agenda, dice, story, shown
        self._flash = Flash()
        self._revision = -1
        self._timer: asyncio.TimerHandle | None = None
        self._frame = b""
        self._said = ""
        self.core = self._new_core()

    def _new_core(self) -> Core:
        return Core(aes.block, self.root, self.address.octets, self._flash, self._settings)

    # Power

    def power_on(self) -> None:
        if self.is_on or self.is_smashed:
            return
        self.core = self._new_core()
        self.core.start(self._ms)
        self.is_on, self._revision = True, -1
        self._story.tell(self.name, f"alarm on, boot epoch {self.core.epoch}")
        self._settle()

    def power_off(self, why: str, *, for_good: bool = False) -> None:
        if self.is_on:
            self._story.tell(self.name, f"alarm {why}")
        self.is_on, self.off_since = False, self._agenda.now
        self.is_smashed = self.is_smashed or for_good

    # The hand

    def press(self, times: int = 1) -> None:
        self._story.tell(self.name, {1: "presses", 2: "presses twice", 3: "presses three times"}[times])
        for number in range(times):
            down_s = number * (PRESS_S + BETWEEN_S)
            self._agenda.after(down_s, lambda: self._button(down=True))
            self._agenda.after(down_s + PRESS_S, lambda: self._button(down=False))

    def hold(self) -> None:
        self._story.tell(self.name, "holds the button")
        self._button(down=True)
        self._agenda.after(LONG_S, lambda: self._button(down=False))

    def tamper(self) -> None:
        self._story.tell(self.name, "alarm is tampered with")
        self._input(lambda: self.core.tamper(self._ms))

    def _button(self, *, down: bool) -> None:
        self._input(lambda: self.core.button(down, self._ms))

    def written(self, value: bytes) -> bool:
        """Bytes from a gateway; whether they are believed."""
        believed: list[bool] = [False]
        self._input(lambda: believed.append(self.core.downlink(value, self._ms)))
        return believed[-1]

    # Time

    @property
    def _ms(self) -> int:
        return int(self._agenda.now * 1000)

    def _input(self, act: Callable[[], object]) -> None:
        if self.is_on:
            act()
            self._settle()

    def _step(self) -> None:
        self._input(lambda: self.core.step(self._ms))

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._agenda.at(max(self._agenda.now, self.core.next_ms / 1000) + 1e-6, self._step)
        if self.core.output.revision != self._revision:
            self._revision = self.core.output.revision
            self._look()

    def _look(self) -> None:
        frame = self.core.output.service_data
        if frame == self._frame:
            return
        self._frame = frame
        report = bthome.decode(self.address, self.working, frame)
        self._say(report)
        self._shown(self, report)
        for gateway in self.hearers:
            self._send(gateway, frame)

    def _say(self, report: DeviceReport) -> None:
        what = f"{report.cause.label} {report.stage.label} {report.identity.epoch}/{report.identity.sequence}"
        said = f"{what}, told {_TOLD[int(report.told)]}"
        if not report.is_heartbeat and said != self._said:
            self._said = said
            self._story.tell(self.name, f"on the air: {said}")

    # The air

    def _send(self, gateway: GatewayProcess, frame: bytes) -> None:
        """One of its repeats is the first that is heard, if the frame is on the air for so long."""
        likely = self.reception.get(gateway.name, 0.0)
        if likely < _OUT_OF_RANGE:
            return
        lost = 0
        while self._dice.random() >= likely:
            lost += 1
        heard_s = (lost + self._dice.random()) * self.core.output.interval_ms / 1000
        self._agenda.after(heard_s, lambda: self._arrive(gateway, frame))

    def _arrive(self, gateway: GatewayProcess, frame: bytes) -> None:
        if self.is_on and frame == self._frame:
            gateway.do(lambda: gateway.hear(self.address, frame, -60))

    def event_in(self, frame: bytes) -> str | None:
        """Of which event a frame of this alarm speaks; None if it is a heartbeat."""
        report = bthome.decode(self.address, self.working, frame)
        identity = report.identity
        return None if report.is_heartbeat else event_id(self.address, identity.epoch, identity.sequence, report.stage)

    @property
    def report(self) -> DeviceReport | None:
        """What its alarm says now."""
        return bthome.decode(self.address, self.working, self.core.output.service_data) if self.is_on else None

    def client(self, gateway: str) -> GattClient:
        """What that gateway connects with."""
        return GattClient(self, gateway, self._dice)


class GattClient:
    """Stands where :class:`bleak.BleakClient` stands."""

    def __init__(self, wearer: Wearer, gateway: str, dice: Random) -> None:
        self._wearer, self._gateway, self._dice = wearer, gateway, dice

    async def connect(self) -> None:
        await self._fade("connect")

    async def write_gatt_char(self, _where: str, data: bytes, *, response: bool) -> None:
        assert response  # noqa: S101 - without one, nobody knows of a loss
        await self._fade("write")
        if not self._wearer.written(data):
            raise BleakGATTProtocolError(0x80)

    async def disconnect(self) -> None:
        await asyncio.sleep(0.05)

    async def _fade(self, what: str) -> None:
        await asyncio.sleep(0.1 + self._dice.random() * 0.3)
        likely = self._wearer.reception.get(self._gateway, 0.0)
        if not self._wearer.is_on or self._dice.random() >= min(1.0, 1.5 * likely):
            raise BleakError(f"{what} failed")
