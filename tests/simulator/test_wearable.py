from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from bleak import BleakClient, BleakScanner

from device import language
from device.settings import Settings
from protocols.ble import aes, bthome, downlink, gatt, layout
from protocols.events import Cause, DeviceReport, Stage
from protocols.ids import Address
from simulator.adapter import local_adapter
from simulator.bleak_backend import installed
from simulator.make import Make
from simulator.radio import Everywhere, VirtualLink
from simulator.store import FileStore, MemoryStore
from simulator.virtual_time import run
from simulator.wearable import Wearable
from tests.simulator.air import supervised, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bleak.backends.scanner import AdvertisementData


ALICE = Make("alice", Address("C0:FF:EE:00:00:01"), bytes(range(16)))


@dataclass
class Scene:
    """Alice's alarm and a gateway that hears all it says."""

    link: VirtualLink
    alarm: Wearable
    shown: list[tuple[str, str]]
    heard: list[tuple[float, DeviceReport]] = field(default_factory=list)
    stalls: list[int] = field(default_factory=list)

    def hear(self, _device: object, data: AdvertisementData) -> None:
        frame = data.service_data[gatt.BTHOME_SERVICE_DATA]
        self.heard.append((self.now, bthome.decode(ALICE.address, ALICE.working_key(), frame)))

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def last(self) -> DeviceReport:
        return self.heard[-1][1]

    def sealed(self, kind: int, *, code: int, counter: int = 1) -> bytes:
        core = self.alarm.core
        return downlink.seal(
            aes.block(ALICE.working_key()), ALICE.address.octets, kind, counter, core.epoch, core.sequence, code, 0
        )


@contextlib.asynccontextmanager
async def scene(settings: Settings | None = None) -> AsyncIterator[Scene]:
    link = VirtualLink(Everywhere(), seed=1)
    loop = asyncio.get_running_loop()
    shown: list[tuple[str, str]] = []
    stalls: list[int] = []
    alarm = Wearable(
        ALICE,
        link,
        MemoryStore(),
        clock=lambda: int(loop.time() * 1000) + sum(stalls),
        settings=settings,
        on_change=lambda it: shown.append((it.core.output.led, it.core.output.buzzer)),
    )
    supervision = asyncio.create_task(supervised(link))
    with installed({"hci0": local_adapter(link, "hall", "F0:00:00:00:00:01")}):
        playing = Scene(link, alarm, shown, stalls=stalls)
        async with BleakScanner(playing.hear, bluez={"filters": {"DuplicateData": True}}):
            await alarm.power_on()
            await until(lambda: bool(playing.heard))
            yield playing
    alarm.power_off()
    supervision.cancel()


def test_an_idle_alarm_says_once_a_second_that_it_is_there() -> None:
    async def main() -> None:
        async with scene() as playing:
            await asyncio.sleep(10)
            assert 9 <= len(playing.heard) <= 11
            assert playing.last.is_heartbeat
            assert playing.last.identity.epoch == 1
            assert playing.last.battery == 100

    run(main())


@pytest.mark.parametrize(
    ("gesture", "cause", "stage"),
    [
        ("press", Cause.TEST, Stage.NOTICE),
        ("double", Cause.CHECK_IN, Stage.NOTICE),
        ("triple", Cause.DISCREET_PANIC, Stage.ALARM),
        ("hold", Cause.PANIC, Stage.ALARM),
        ("fall", Cause.FALL, Stage.PRE_ALARM),
    ],
)
def test_what_the_wearer_does_is_on_the_air(gesture: str, cause: Cause, stage: Stage) -> None:
    async def main() -> None:
        async with scene() as playing:
            await getattr(playing.alarm, gesture)()
            await until(lambda: not playing.last.is_heartbeat)
            assert (playing.last.cause, playing.last.stage) == (cause, stage)

    run(main())


def test_an_alarm_is_advertised_at_least_five_times_a_second_for_30_seconds() -> None:
    async def main() -> None:
        async with scene() as playing:
            await playing.alarm.hold()
            start = playing.now
            await asyncio.sleep(29)
            times = [at for at, report in playing.heard if report.cause is Cause.PANIC and at > start]
            assert max(after - before for before, after in itertools.pairwise(times)) <= 0.2

    run(main())


def test_a_receipt_written_over_gatt_changes_the_led() -> None:
    async def main() -> None:
        async with scene() as playing:
            await playing.alarm.hold()
            assert playing.alarm.core.output.led == language.SENDING
            async with BleakClient(ALICE.address) as client:
                receipt = playing.sealed(downlink.KIND_RECEIPT, code=layout.STAGE_ALARM)
                await client.write_gatt_char(gatt.DOWNLINK, receipt, response=True)
            assert playing.alarm.core.output.led == language.STORED
            assert (language.STORED, language.STORED) in playing.shown

    run(main())


def test_a_forged_receipt_changes_nothing_and_is_counted() -> None:
    async def main() -> None:
        async with scene() as playing:
            await playing.alarm.hold()
            async with BleakClient(ALICE.address) as client:
                receipt = playing.sealed(downlink.KIND_RECEIPT, code=layout.STAGE_ALARM)
                await client.write_gatt_char(gatt.DOWNLINK, receipt[:-1] + b"?", response=True)
            assert playing.alarm.core.output.led == language.SENDING
            assert sum(playing.alarm.core.refused.values()) == 1

    run(main())


def test_an_immediate_alert_sounds_and_tells_the_wearer_nothing() -> None:
    async def main() -> None:
        async with scene() as playing:
            async with BleakClient(ALICE.address) as client:
                await client.write_gatt_char(gatt.ALERT_LEVEL, b"\x02", response=False)
                await until(lambda: playing.alarm.core.output.buzzer == language.ALERT_HIGH)
            assert playing.alarm.core.told == layout.TOLD_NOTHING

    run(main())


def test_what_is_on_the_air_can_be_read_and_is_notified() -> None:
    async def main() -> None:
        async with scene() as playing:
            notified: list[bytes] = []
            async with BleakClient(ALICE.address) as client:
                assert await client.read_gatt_char(gatt.REPORT) == playing.alarm.core.output.service_data
                assert await client.read_gatt_char(gatt.BATTERY_LEVEL) == b"\x64"
                assert await client.read_gatt_char(gatt.MANUFACTURER_NAME) == b"Tocsin"
                await client.start_notify(gatt.REPORT, lambda _, value: notified.append(bytes(value)))
                await playing.alarm.hold()
                await until(lambda: bool(notified))
            assert bthome.decode(ALICE.address, ALICE.working_key(), notified[-1]).cause is Cause.PANIC

    run(main())


def test_a_connection_does_not_silence_an_alarm() -> None:
    async def main() -> None:
        async with scene() as playing, BleakClient(ALICE.address) as client:
            await playing.alarm.hold()
            playing.heard.clear()
            await asyncio.sleep(2)
            assert client.is_connected
            assert len(playing.heard) >= 10

    run(main())


def test_whoever_holds_the_connection_is_hung_up_on() -> None:
    async def main() -> None:
        async with scene():
            gone = asyncio.Event()
            await BleakClient(ALICE.address, disconnected_callback=lambda _: gone.set()).connect()
            async with asyncio.timeout(11):
                await gone.wait()
            async with BleakClient(ALICE.address) as client:
                assert client.is_connected

    run(main())


def test_who_moves_now_and_then_is_not_still_and_who_lies_still_is_noticed() -> None:
    async def main() -> None:
        async with scene(Settings(no_motion_after_ms=20_000, prealarm_no_motion_ms=10_000)) as playing:
            await asyncio.sleep(120)
            assert playing.last.is_heartbeat
            playing.alarm.lie_still()
            await asyncio.sleep(27)
            assert (playing.last.cause, playing.last.stage) == (Cause.NO_MOTION, Stage.PRE_ALARM)
            await asyncio.sleep(10)
            assert (playing.last.cause, playing.last.stage) == (Cause.NO_MOTION, Stage.ALARM)

    run(main())


def test_a_fall_whose_device_dies_in_the_pre_alarm_was_on_the_air() -> None:
    async def main() -> None:
        async with scene() as playing:
            await playing.alarm.fall()
            playing.alarm.power_off()
            await asyncio.sleep(60)
            assert (playing.last.cause, playing.last.stage) == (Cause.FALL, Stage.PRE_ALARM)

    run(main())


def test_a_fall_is_felt_although_the_simulators_machine_stalls_in_the_middle_of_it() -> None:
    async def main() -> None:
        async with scene() as playing:
            asyncio.get_running_loop().call_later(3.1, playing.stalls.append, 400)
            await playing.alarm.fall()
            await until(lambda: not playing.last.is_heartbeat)
            assert playing.last.cause is Cause.FALL

    run(main())


def test_taken_off_is_an_event_and_put_on_is_seen() -> None:
    async def main() -> None:
        async with scene() as playing:
            playing.alarm.take_off()
            await until(lambda: playing.last.cause is Cause.REMOVED)
            assert not playing.last.worn
            playing.alarm.put_on()
            await until(lambda: playing.last.worn)

    run(main())


def test_a_battery_runs_low_and_then_flat() -> None:
    async def main() -> None:
        async with scene() as playing:
            playing.alarm.charge_to(12)
            await until(lambda: playing.last.cause is Cause.LOW_BATTERY)
            assert playing.last.battery == 12
            playing.alarm.charge_to(0)
            await asyncio.sleep(1)
            playing.heard.clear()
            await asyncio.sleep(60)
            assert playing.heard == []
            await playing.alarm.power_on()
            assert not playing.alarm.is_on

    run(main())


def test_a_smashed_alarm_is_silent_in_mid_sentence_and_feels_no_press() -> None:
    async def main() -> None:
        async with scene() as playing:
            await playing.alarm.hold()
            playing.alarm.power_off()
            await asyncio.sleep(0.1)
            playing.heard.clear()
            await playing.alarm.hold()
            await asyncio.sleep(30)
            assert playing.heard == []

    run(main())


def test_a_reboot_counts_the_epoch_up_and_never_uses_a_counter_twice() -> None:
    async def main() -> None:
        async with scene() as playing:
            await asyncio.sleep(25)
            before = playing.last
            await playing.alarm.reboot()
            await until(lambda: playing.last.identity.epoch == 2)
            assert playing.last.counter > before.counter

    run(main())


def test_a_file_store_outlives_the_simulator(tmp_path: Path) -> None:
    path = tmp_path / "alice.store"
    assert FileStore(path).load() == (0, 0, 0)
    FileStore(path).save(3, 768, 2)
    assert FileStore(path).load() == (3, 768, 2)
