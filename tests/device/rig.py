"""A device on a desk: flash that can lose power, a hub that answers, and a record of all that could be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from device.core import Core
from device.settings import Settings
from protocols.ble import aes, bthome, downlink, keys, layout
from protocols.ids import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.events import DeviceReport

ROOT = bytes(range(16))
KEY = keys.working(aes.block(ROOT), 0)
"""Under which a new device speaks."""
ADDRESS = Address("C0:FF:EE:00:00:01")


class PowerCutError(BaseException):
    """The battery fell out during a write."""


class Flash:
    """Three numbers, written whole or not at all. ``cut`` is called before and after every write and may raise."""

    def __init__(self, cut: Callable[[], None] | None = None) -> None:
        self.kept = (0, 0, 0)
        self.saves: list[tuple[int, int, int]] = []
        self._cut = cut or (lambda: None)

    def load(self) -> tuple[int, int, int]:
        return self.kept

    def save(self, epoch: int, counter: int, generation: int) -> None:
        self._cut()
        self.kept = (epoch, counter, generation)
        self.saves.append(self.kept)
        self._cut()


class Seen(NamedTuple):
    """What an onlooker with a radio could note at a moment. The counter stands in the clear."""

    at_ms: int
    interval_ms: int
    size: int
    counter: int
    led: str
    buzzer: str
    vibration: str
    revision: int


class Rig:
    """A started device, its clock, and the hub's end of its key."""

    def __init__(self, settings: Settings | None = None, flash: Flash | None = None) -> None:
        self.flash = flash or Flash()
        self.core = Core(aes.block, ROOT, ADDRESS.octets, self.flash, settings or Settings())
        self.now = 0
        self.seen: list[Seen] = []
        self.frames: list[bytes] = []
        self.hub_counter = 0
        self.core.start(0)
        self.look()

    # Time

    def look(self) -> None:
        output = self.core.output
        counter = int.from_bytes(output.service_data[-8:-4], "little")
        sight = (output.interval_ms, len(output.advertisement), counter, output.led, output.buzzer, output.vibration)
        self.seen.append(Seen(self.now, *sight, output.revision))
        if not self.frames or self.frames[-1] != output.service_data:
            self.frames.append(output.service_data)

    def run(self, ms: int) -> Rig:
        """Let time pass, stepping when the device asks for it."""
        until = self.now + ms
        while self.core.next_ms <= until:
            assert self.core.next_ms >= self.now, "a deadline in the past would never let the board sleep"
            self.now = self.core.next_ms
            self.core.step(self.now)
            assert self.core.next_ms > self.now, "a step leaves nothing due"
            self.look()
        self.now = until
        return self

    # The wearer

    def press(self, times: int = 1) -> Rig:
        """Short presses, then the pause that ends a gesture."""
        for press in range(times):
            self.run(150 if press else 0)
            self.button(down=True)
            self.run(100)
            self.button(down=False)
        return self.run(self.core.settings.multi_press_gap_ms)

    def hold(self) -> Rig:
        """A long press."""
        self.button(down=True)
        self.run(self.core.settings.long_press_ms)
        self.button(down=False)
        return self

    def button(self, *, down: bool) -> None:
        self.core.button(down, self.now)
        self.look()

    def fall(self) -> Rig:
        """What a fall at the waist looks like: upright, impact, lying, rest."""
        for _ in range(150):
            self.sample(0, -1000, 0)
        for step in range(20):
            self.sample(1500 if step % 2 else -300, -1800 if step % 2 else 300, 900)
        for _ in range(160):
            self.sample(1000, 0, 0)
        return self

    def sample(self, x: int, y: int, z: int) -> None:
        self.run(20)
        self.core.motion(x, y, z, self.now)
        self.look()

    # The hub and the gateway

    def write(self, kind: int, code: int = 0, *, argument: int = 0, sequence: int | None = None) -> bool:
        """A sealed downlink with the next counter, for the newest event unless told otherwise."""
        self.hub_counter += 1
        of = self.core.sequence if sequence is None else sequence
        return self.give(self.sealed(kind, self.hub_counter, of, code, argument))

    def sealed(self, kind: int, counter: int, sequence: int, code: int, argument: int = 0) -> bytes:
        epoch = self.core.epoch
        return downlink.seal(aes.block(KEY), ADDRESS.octets, kind, counter, epoch, sequence, code, argument)

    def give(self, value: bytes) -> bool:
        accepted = self.core.downlink(value, self.now)
        self.look()
        return accepted

    def heard(self) -> bool:
        """A gateway says that it heard the frame now on the air."""
        report = self.report
        value = self.sealed(downlink.KIND_HEARD, report.counter, report.identity.sequence, 0)
        return self.give(value)

    def receipt(self, stage: int | None = None, sequence: int | None = None) -> bool:
        """The hub stored ``stage``, or what is now on the air."""
        return self.write(downlink.KIND_RECEIPT, self.report.stage if stage is None else stage, sequence=sequence)

    def tell(self, told: int, sequence: int | None = None) -> bool:
        return self.write(downlink.KIND_STAGE, told, sequence=sequence)

    def ask(self, seconds: int = 0) -> bool:
        return self.write(downlink.KIND_COMMAND, downlink.COMMAND_ASK, argument=seconds, sequence=0)

    @property
    def report(self) -> DeviceReport:
        """The frame on the air, as the hub reads it."""
        return bthome.decode(ADDRESS, KEY, self.core.output.service_data)

    @property
    def reports(self) -> list[DeviceReport]:
        """All frames so far."""
        return [bthome.decode(ADDRESS, KEY, frame) for frame in self.frames]

    @property
    def led(self) -> str:
        return self.core.output.led


def fallen(settings: Settings | None = None) -> Rig:
    """A device in the pre-alarm of a fall."""
    rig = Rig(settings).fall()
    assert rig.report.stage == layout.STAGE_PRE_ALARM
    return rig
