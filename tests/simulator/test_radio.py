from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError

from simulator.radio import Everywhere, Reception
from simulator.virtual_time import run
from tests.simulator.air import BEACON_ADDRESS, FCD2, Distances, air, beacon, listening, service_data, until

if TYPE_CHECKING:
    from simulator.radio import VirtualLink

ALL = {"filters": {"DuplicateData": True}}


def test_an_unmodified_scanner_sees_each_advertisement_once_with_its_signal_strength() -> None:
    async def main() -> None:
        async with air(Everywhere(rssi_dbm=-63)) as link:
            station = await beacon(link)
            heard: list = []
            async with listening(heard, **ALL):
                await station.say(service_data(b"hello"))
                await asyncio.sleep(1.0)
            assert len(heard) == 10
            device, data = heard[0]
            assert device.address == BEACON_ADDRESS
            assert data.service_data == {FCD2: b"hello"}
            assert data.rssi == -63

    run(main())


def test_a_loss_of_65_percent_loses_65_percent() -> None:
    async def main() -> None:
        async with air(Everywhere(loss=0.65)) as link:
            station = await beacon(link)
            heard: list = []
            async with listening(heard):
                await station.say(service_data(b"\0\0\0\0"))
                await station.count(2000, every_s=0.105)
            assert 0.32 < len(heard) / 2000 < 0.38

    run(main())


def test_the_same_seed_gives_the_same_luck_and_another_seed_another() -> None:
    async def heard_with(seed: int) -> list[bytes]:
        async with air(Everywhere(loss=0.5), seed) as link:
            station = await beacon(link)
            heard: list = []
            async with listening(heard):
                await station.say(service_data(b"\0\0\0\0"))
                await station.count(50, every_s=0.105)
            return [data.service_data[FCD2] for _, data in heard]

    assert run(heard_with(7)) == run(heard_with(7))
    assert run(heard_with(7)) != run(heard_with(8))


def test_two_gateways_hear_one_device_each_in_its_own_way() -> None:
    async def main() -> None:
        ways = Distances({("beacon", "hall"): Reception(-48), ("beacon", "yard"): Reception(-91)})
        async with air(ways) as link:
            station = await beacon(link)
            hall: list = []
            yard: list = []
            async with listening(hall, "hci0"), listening(yard, "hci1"):
                await station.say(service_data(b"x"))
                await asyncio.sleep(0.5)
            assert {data.rssi for _, data in hall} == {-48}
            assert {data.rssi for _, data in yard} == {-91}

    run(main())


def test_out_of_range_nothing_is_heard_and_nobody_connects() -> None:
    async def main() -> None:
        async with air(Distances()) as link:
            await (await beacon(link)).say(service_data(b"x"))
            assert await BleakScanner.discover(2.0) == []
            with pytest.raises(BleakDeviceNotFoundError):
                await BleakClient(BEACON_ADDRESS, timeout=2.0).connect()

    run(main())


@pytest.mark.parametrize("fault", ["jammed", "muted", "deaf", "lossy"])
def test_a_fault_silences_and_its_end_gives_the_voice_back(fault: str) -> None:
    async def main() -> None:
        async with air() as link:
            await (await beacon(link)).say(service_data(b"x"))
            heard: list = []
            async with listening(heard, **ALL):
                await until(lambda: bool(heard))
                _break(link, fault)
                await asyncio.sleep(0.2)
                heard.clear()
                await asyncio.sleep(5)
                assert heard == []
                link.faults = type(link.faults)()
                await until(lambda: bool(heard))

    run(main())


def _break(link: VirtualLink, fault: str) -> None:
    match fault:
        case "jammed":
            link.faults.jammed = True
        case "muted":
            link.faults.muted.add("beacon")
        case "deaf":
            link.faults.muted.add("hall")
        case "lossy":
            link.faults.loss_at["beacon"] = 1.0


def test_repeats_are_reported_twice() -> None:
    async def main() -> None:
        async with air() as link:
            link.faults.repeats = 1.0
            heard: list = []
            async with listening(heard, **ALL):
                await (await beacon(link)).say(service_data(b"x"))
                await asyncio.sleep(1.0)
            assert len(heard) == 20

    run(main())


def test_without_duplicate_data_a_repeat_that_says_nothing_new_is_not_reported() -> None:
    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            heard: list = []
            async with listening(heard):
                await station.say(service_data(b"one"))
                await asyncio.sleep(2)
                await station.say(service_data(b"two"))
                await asyncio.sleep(2)
            assert [data.service_data[FCD2] for _, data in heard] == [b"one", b"two"]

    run(main())


def test_what_a_report_does_not_mention_stays_as_last_heard() -> None:
    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            heard: list = []
            async with listening(heard):
                await station.say(bytes((5, 0x09)) + b"Bell")
                await asyncio.sleep(0.2)
                await station.say(service_data(b"x"))
                await asyncio.sleep(0.2)
            assert heard[-1][1].local_name == "Bell"
            assert heard[-1][1].service_data == {FCD2: b"x"}

    run(main())


def test_a_service_filter_looks_at_service_uuids_and_not_at_service_data() -> None:
    async def main() -> None:
        async with air() as link:
            await (await beacon(link, "a")).say(service_data(b"x"))
            with_uuid = await beacon(link, "b", "C0:FF:EE:00:00:02")
            await with_uuid.say(bytes((3, 0x03, 0xD2, 0xFC)))
            found = await BleakScanner.discover(1.0, service_uuids=[FCD2])
            assert [device.address for device in found] == ["C0:FF:EE:00:00:02"]

    run(main())


def test_passive_scanning_wants_patterns_and_keeps_to_them() -> None:
    async def main() -> None:
        async with air() as link:
            await (await beacon(link, "a")).say(service_data(b"x"))
            await (await beacon(link, "b", "C0:FF:EE:00:00:02")).say(bytes((5, 0x09)) + b"Bell")
            with pytest.raises(BleakError, match="or_patterns"):
                BleakScanner(scanning_mode="passive")
            found = await BleakScanner.discover(
                1.0, scanning_mode="passive", bluez={"or_patterns": [(0, 0x16, b"\xd2\xfc")]}
            )
            assert [device.address for device in found] == [BEACON_ADDRESS]

    run(main())


def test_only_an_active_scanner_gets_the_scan_response() -> None:
    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            station.device.scan_response_data = bytes((5, 0x09)) + b"Bell"
            await station.say(service_data(b"x"))
            patterns = {"or_patterns": [(0, 0x16, b"\xd2\xfc")]}
            passive = await BleakScanner.discover(1.0, scanning_mode="passive", bluez=patterns)
            active = await BleakScanner.discover(1.0)
            assert [device.name for device in passive] == [None]
            assert [device.name for device in active] == ["Bell"]

    run(main())
