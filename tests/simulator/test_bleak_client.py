from __future__ import annotations

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble.device import AdvertisingType

from simulator.radio import Everywhere
from simulator.virtual_time import run
from tests.simulator.air import BEACON_ADDRESS, COUNTER, LOCKED, air, beacon, service_data, until


def test_a_client_reads_writes_and_is_notified() -> None:
    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            await station.say(service_data(b"x"))
            notified: list[bytes] = []
            async with BleakClient(BEACON_ADDRESS) as client:
                await client.start_notify(COUNTER, lambda _, value: notified.append(bytes(value)))
                await station.device.notify_subscribers(station.characteristic, b"\x09")
                assert await client.read_gatt_char(COUNTER) == b"\x07"
                await client.write_gatt_char(COUNTER, b"acknowledged", response=True)
                await client.write_gatt_char(COUNTER, b"thrown", response=False)
                await until(lambda: len(station.written) == 2)
            assert notified == [b"\x09"]
            assert station.written == [b"acknowledged", b"thrown"]

    run(main())


def test_a_gatt_error_is_a_bleak_error() -> None:
    async def main() -> None:
        async with air() as link:
            await (await beacon(link)).say(service_data(b"x"))
            async with BleakClient(BEACON_ADDRESS) as client:
                with pytest.raises(BleakGATTProtocolError, match="Read Not Permitted"):
                    await client.read_gatt_char(LOCKED)
                assert client.is_connected
            with pytest.raises(BleakError):
                await client.read_gatt_char(COUNTER)

    run(main())


def test_the_device_is_heard_again_after_a_connection() -> None:
    async def main() -> None:
        async with air() as link:
            await (await beacon(link)).say(service_data(b"x"))
            async with BleakClient(BEACON_ADDRESS):
                assert await BleakScanner.discover(1.0) == []
            assert len(await BleakScanner.discover(1.0)) == 1

    run(main())


def test_a_beacon_that_takes_no_connection_lets_the_attempt_time_out_and_the_next_one_works() -> None:
    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            await station.say(service_data(b"x"), AdvertisingType.UNDIRECTED)
            client = BleakClient(BEACON_ADDRESS, timeout=2.0)
            with pytest.raises(TimeoutError):
                await client.connect()
            await station.say(service_data(b"x"))
            async with client:
                assert client.is_connected

    run(main())


def test_an_attempt_that_is_cancelled_leaves_the_adapter_usable() -> None:
    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            await station.say(service_data(b"x"), AdvertisingType.UNDIRECTED)
            device = await BleakScanner.find_device_by_address(BEACON_ADDRESS)
            assert device is not None
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await BleakClient(device).connect()
            await station.say(service_data(b"x"))
            async with BleakClient(device) as client:
                assert client.is_connected

    run(main())


def test_walking_out_of_range_ends_the_connection_at_both_ends() -> None:
    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            await station.say(service_data(b"x"))
            gone = asyncio.Event()
            client = BleakClient(BEACON_ADDRESS, disconnected_callback=lambda _: gone.set())
            await client.connect()
            link.faults.muted.add("beacon")
            async with asyncio.timeout(3):
                await gone.wait()
            assert not client.is_connected
            await until(lambda: not station.device.connections)

    run(main())


def test_a_call_that_waits_on_a_lost_connection_fails_as_a_bleak_error() -> None:
    async def main() -> None:
        async with air() as link:
            await (await beacon(link)).say(service_data(b"x"))
            async with BleakClient(BEACON_ADDRESS) as client:
                link.faults.jammed = True
                with pytest.raises(BleakError, match="disconnected"):
                    await client.read_gatt_char(COUNTER)

    run(main())


def test_two_gateways_that_connect_at_once_both_get_through_one_after_the_other() -> None:
    async def write(adapter: str) -> None:
        while True:
            try:
                async with BleakClient(BEACON_ADDRESS, bluez={"adapter": adapter}, timeout=3.0) as client:
                    await client.write_gatt_char(COUNTER, adapter.encode(), response=True)
            except (BleakError, TimeoutError):
                continue
            return

    async def main() -> None:
        async with air() as link:
            station = await beacon(link)
            await station.say(service_data(b"x"))
            async with asyncio.timeout(30):
                await asyncio.gather(write("hci0"), write("hci1"))
            assert sorted(station.written) == [b"hci0", b"hci1"]

    run(main())


def test_a_connection_survives_a_lossy_link_and_keeps_the_order() -> None:
    async def main() -> None:
        async with air(Everywhere(loss=0.65)) as link:
            station = await beacon(link)
            await station.say(service_data(b"x"))
            sent = [number.to_bytes(2, "big") for number in range(50)]
            async with BleakClient(BEACON_ADDRESS) as client:
                for value in sent:
                    await client.write_gatt_char(COUNTER, value, response=False)
                await until(lambda: len(station.written) == 50, within_s=30)
            assert station.written == sent

    run(main())
