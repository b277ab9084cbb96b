from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError

from simulator.adapter import hci_adapter
from simulator.bleak_backend import installed
from simulator.hci_port import HciPort
from simulator.radio import Everywhere, VirtualLink
from tests.simulator.air import BEACON_ADDRESS, COUNTER, beacon, service_data, supervised, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def hall() -> AsyncIterator[tuple[VirtualLink, HciPort]]:
    link = VirtualLink(Everywhere(), seed=1)
    port = HciPort(link, "hall")
    await port.open()
    supervision = asyncio.create_task(supervised(link))
    try:
        yield link, port
    finally:
        supervision.cancel()
        await port.close()


async def test_a_host_killed_in_a_connection_lets_the_device_go_and_the_next_host_gets_through() -> None:
    async with hall() as (link, port):
        station = await beacon(link)
        await station.say(service_data(b"x"))
        await connect_and_be_killed(port.where)
        await until(lambda: not station.device.connections)
        with installed({"hci0": hci_adapter(port.where)}):
            async with BleakClient(BEACON_ADDRESS) as client:
                assert await client.read_gatt_char(COUNTER) == b"\x07"


async def connect_and_be_killed(where: str) -> None:
    ears = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.simulator.ears", where, stdout=asyncio.subprocess.PIPE
    )
    assert ears.stdout is not None
    async with asyncio.timeout(20):
        assert await ears.stdout.readline() == f"{BEACON_ADDRESS} 07\n".encode()
    ears.kill()
    await ears.wait()


async def test_a_scanner_whose_controller_goes_away_hears_nothing_and_a_restart_helps() -> None:
    async with hall() as (link, port):
        await (await beacon(link, interval_ms=20)).say(service_data(b"x"))
        heard: list = []
        with installed({"hci0": hci_adapter(port.where)}):
            scanner = BleakScanner(lambda _, data: heard.append(data), bluez={"filters": {"DuplicateData": True}})
            await scanner.start()
            await until(lambda: bool(heard))
            port._host.hang_up()
            await until(lambda: not [c for c in link.controllers if c.name == "hall"])
            heard.clear()
            await asyncio.sleep(0.2)
            assert heard == []
            await scanner.stop()
            await scanner.start()
            await until(lambda: bool(heard))
            await scanner.stop()


async def test_without_a_controller_bluetooth_is_not_available() -> None:
    async with hall() as (_, port):
        where = port.where
    with installed({"hci0": hci_adapter(where)}), pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner.discover(0.1)
