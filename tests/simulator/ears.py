"""A process that listens over HCI and says on standard output whom it hears: ``ears.py HOST:PORT``."""

from __future__ import annotations

import asyncio
import sys

from bleak import BleakClient, BleakScanner

from simulator.adapter import hci_adapter
from simulator.bleak_backend import install
from tests.simulator.air import COUNTER


async def main(where: str) -> None:
    install({"hci0": hci_adapter(where)})
    device = await BleakScanner.find_device_by_filter(lambda *_: True)
    assert device is not None
    async with BleakClient(device) as client:
        value = await client.read_gatt_char(COUNTER)
        print(device.address, value.hex(), flush=True)  # noqa: T201 - that is how it speaks
        await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
