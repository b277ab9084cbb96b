"""The gateway between the real firmware on a virtual radio and a real broker."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from gateway.app import serve
from gateway.settings import GatewaySettings
from protocols.ble import layout
from protocols.ids import GatewayId, OrganisationId
from simulator.adapter import local_adapter
from simulator.bleak_backend import installed
from simulator.make import Make
from simulator.radio import Everywhere, VirtualLink
from simulator.store import MemoryStore
from simulator.wearable import Wearable
from tests.gateway.air import ADDRESS, KEY
from tests.gateway.hub import Hub
from tests.simulator.air import supervised, until
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.services import Process

MAKE = Make("alice", ADDRESS, KEY)


@asynccontextmanager
async def alice(link: VirtualLink) -> AsyncIterator[Wearable]:
    clock = lambda: int(time.monotonic() * 1000)  # noqa: E731
    alarm = Wearable(MAKE, link, MemoryStore(), clock=clock)
    supervision = asyncio.create_task(supervised(link))
    await alarm.power_on()
    try:
        yield alarm
    finally:
        alarm.power_off()
        supervision.cancel()
        with suppress(asyncio.CancelledError):
            await supervision


@asynccontextmanager
async def gateway(directory: Path, port: int) -> AsyncIterator[None]:
    (directory / "key").write_text(MAKE.working_key().hex())
    settings = GatewaySettings(
        organisation=OrganisationId("charity"),
        gateway=GatewayId("porch"),
        data_dir=directory / "data",
        mqtt=MqttSettings(port=port),
        devices=[{"address": ADDRESS, "key_file": directory / "key"}],
    )
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await serving


@pytest.mark.parametrize("loss", [0.0, 0.65])
async def test_a_panic_is_heard_and_its_wearer_reads_stored(
    tmp_path: Path, mosquitto_broker: Process, loss: float
) -> None:
    link = VirtualLink(Everywhere(loss=loss), seed=1)
    assert mosquitto_broker.port is not None
    with (
        Hub(mosquitto_broker.port, MAKE.working_key()) as hub,
        installed({"hci0": local_adapter(link, "porch", "F0:00:00:00:00:01")}),
    ):
        async with alice(link) as alarm, gateway(tmp_path, mosquitto_broker.port):
            await alarm.hold()
            await until(lambda: alarm.core.told == layout.TOLD_STORED, within_s=15)
    assert set(hub.ids) == {"c0ffee000001-1-1-2"}


async def test_a_panic_without_a_hub_reads_heard_and_stored_as_soon_as_the_hub_is_there(
    tmp_path: Path, mosquitto_broker: Process
) -> None:
    link = VirtualLink(Everywhere(), seed=1)
    assert mosquitto_broker.port is not None
    with (
        Hub(mosquitto_broker.port, MAKE.working_key()) as hub,
        installed({"hci0": local_adapter(link, "porch", "F0:00:00:00:00:01")}),
    ):
        hub.receipting = False
        async with alice(link) as alarm, gateway(tmp_path, mosquitto_broker.port):
            await alarm.hold()
            await until(lambda: alarm.core.told == layout.TOLD_HEARD, within_s=15)
            hub.receipting = True
            await until(lambda: alarm.core.told == layout.TOLD_STORED, within_s=15)
