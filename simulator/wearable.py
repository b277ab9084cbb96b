"""A virtual personal alarm: a body with a button and sensors around the real firmware and a virtual radio."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Final

from device.core import Core
from protocols.ble import aes
from simulator.motion import FALL, FIDGET, SAMPLE_MS
from simulator.peripheral import Peripheral

if TYPE_CHECKING:
    from collections.abc import Callable

    from device.ports import Store
    from device.settings import Settings
    from simulator.make import Make
    from simulator.motion import Sample
    from simulator.radio import VirtualLink

PRESS_MS: Final = 120
BETWEEN_PRESSES_MS: Final = 150
LONGER_THAN_LONG_MS: Final = 300
FIDGET_EVERY_MS: Final = 5000


class Wearable:
    """One device, on somebody.

    Args:
        make: what is burnt in.
        link: the air.
        store: keeps epoch, counter and key generation over a reboot.
        clock: monotonic milliseconds.
        settings: of the firmware; defaults otherwise.
        on_change: called whenever what it sends or shows has changed, or its power.

    Attributes:
        battery_percent: as it is measured.
        worn: on a body.
        still: the wearer lies still; otherwise they move every few seconds, if the firmware watches for that.
    """

    def __init__(
        self,
        make: Make,
        link: VirtualLink,
        store: Store,
        *,
        clock: Callable[[], int],
        settings: Settings | None = None,
        on_change: Callable[[Wearable], None] = lambda _: None,
    ) -> None:
        self.make = make
        self.battery_percent = 100
        self.worn = True
        self.still = False
        self._link = link
        self._store = store
        self._clock = clock
        self._settings = settings
        self._on_change = on_change
        self._radio: Peripheral | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._shown = -1
        self._hand = asyncio.Lock()
        self._body = asyncio.Lock()
        self._life: asyncio.Task[None] | None = None
        self.core = self._new_core()

    def _new_core(self) -> Core:
        core = Core(aes.block, self.make.key, self.make.address.octets, self._store, self._settings)
        now = self._clock()
        core.battery(self.battery_percent, now)
        core.worn(self.worn, now)
        return core

    # Power

    @property
    def is_on(self) -> bool:
        return self._radio is not None

    async def power_on(self) -> None:
        """Start the firmware anew; what is kept in the store goes on. Nothing happens when it is on, or flat."""
        if self.is_on or not self.battery_percent:
            return
        self.core = self._new_core()
        self.core.start(self._clock())
        self._radio = Peripheral(self._link.station(self.make.name), self.make.address, self)
        self._shown = -1
        await self._radio.power_on()
        if self.core.settings.no_motion_after_ms:
            self._life = asyncio.create_task(self._live())
        self._settle()

    def power_off(self) -> None:
        """Dead at once, in the middle of whatever it was saying: smashed, or flat."""
        radio, self._radio = self._radio, None
        if radio is not None:
            radio.power_off()
            self._cancel_timer()
            if self._life is not None:
                self._life.cancel()
            self._on_change(self)

    async def reboot(self) -> None:
        self.power_off()
        await self.power_on()

    # The hand

    def button(self, *, pressed: bool) -> None:
        """The button goes down or up; how long that takes is the caller's."""
        self._input(lambda now: self.core.button(pressed, now))

    async def press(self) -> None:
        await self._press_times(1)

    async def double(self) -> None:
        await self._press_times(2)

    async def triple(self) -> None:
        await self._press_times(3)

    async def hold(self) -> None:
        """Long enough for a long press."""
        async with self._hand:
            await self._press_for(self.core.settings.long_press_ms + LONGER_THAN_LONG_MS)

    async def _press_times(self, times: int) -> None:
        async with self._hand:
            for _ in range(times):
                await self._press_for(PRESS_MS)
                await _pause(BETWEEN_PRESSES_MS)

    async def _press_for(self, duration_ms: int) -> None:
        self.button(pressed=True)
        await _pause(duration_ms)
        self.button(pressed=False)

    # The body

    async def fall(self) -> None:
        """Standing, falling, the impact, and then lying still until :meth:`get_up`."""
        self.lie_still()
        await self._feel(FALL)

    def lie_still(self) -> None:
        self.still = True

    def get_up(self) -> None:
        self.still = False

    async def _feel(self, samples: tuple[Sample, ...]) -> None:
        """Play something to the accelerometer. The times are the sensor's own: a busy machine does not bend them."""
        async with self._body:
            felt_ms = self._clock()
            for x, y, z in samples:
                self._input(functools.partial(self._feel_one, x, y, z, felt_ms))
                felt_ms += SAMPLE_MS
                await _pause(max(0, felt_ms - self._clock()))

    def _feel_one(self, x: int, y: int, z: int, felt_ms: int, now_ms: int) -> None:
        self.core.motion(x, y, z, min(felt_ms, now_ms))

    async def _live(self) -> None:
        while True:
            await _pause(FIDGET_EVERY_MS)
            if not self.still:
                await self._feel(FIDGET)

    def take_off(self) -> None:
        self._wear(False)

    def put_on(self) -> None:
        self._wear(True)

    def _wear(self, worn: bool) -> None:  # noqa: FBT001 - on a body or not
        self.worn = worn
        self._input(lambda now: self.core.worn(worn, now))

    def tamper(self) -> None:
        self._input(self.core.tamper)

    def charge_to(self, percent: int) -> None:
        """The battery is measured at ``percent``; at 0 the device dies."""
        self.battery_percent = percent
        self._input(lambda now: self.core.battery(percent, now))
        if percent == 0:
            self.power_off()

    # What the radio asks (simulator.peripheral.Firmware)

    @property
    def advertisement(self) -> bytes:
        return self.core.output.advertisement

    @property
    def interval_ms(self) -> int:
        return self.core.output.interval_ms

    @property
    def report(self) -> bytes:
        return self.core.output.service_data

    def downlink(self, value: bytes) -> None:
        self._input(lambda now: self.core.downlink(value, now))

    def alert(self, level: int) -> None:
        self._input(lambda now: self.core.alert(level, now))

    # Time

    def _input(self, act: Callable[[int], object]) -> None:
        """Hand something to the firmware; a device without power feels nothing."""
        if self.is_on:
            act(self._clock())
            self._settle()

    def _settle(self) -> None:
        self._cancel_timer()
        wait_s = max(0, self.core.next_ms - self._clock()) / 1000
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._input, self.core.step)
        if self._radio is not None and self._shown != self.core.output.revision:
            self._shown = self.core.output.revision
            self._radio.refresh()
            self._on_change(self)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _pause(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / 1000)
