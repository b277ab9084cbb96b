"""A receipt that the hub never sealed: refused by the gateway, and by the alarm itself, counted, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.ble import aes, downlink, layout
from protocols.mqtt.envelope import GatewayEventData, GatewayTrouble
from simulator.adapter import local_adapter
from simulator.bleak_backend import installed
from simulator.radio import Everywhere, VirtualLink
from tests.gateway.air import ADDRESS
from tests.gateway.hub import Hub
from tests.gateway.test_on_the_air import MAKE, alice, gateway
from tests.simulator.air import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services import Process

FORGED = bytes(range(100, 116))
"""Whoever publishes these receipts has got at the broker, but has not the device's key."""


async def test_a_forged_receipt_reaches_no_wearer_clears_nothing_and_is_told_to_the_hub(
    tmp_path: Path, mosquitto_broker: Process
) -> None:
    link = VirtualLink(Everywhere(), seed=1)
    assert mosquitto_broker.port is not None
    with Hub(mosquitto_broker.port, key=FORGED) as forger:
        with installed({"hci0": local_adapter(link, "porch", "F0:00:00:00:00:01")}):
            async with alice(link) as alarm, gateway(tmp_path, mosquitto_broker.port):
                await alarm.hold()
                await until(lambda: _refusals(forger), within_s=20)
                await until(lambda: forger.ids.count("c0ffee000001-1-1-2") >= 3, within_s=20)
                assert alarm.core.told in {layout.TOLD_NOTHING, layout.TOLD_HEARD}
                assert "authentication" not in alarm.core.refused  # it did not even get that far
        assert len(_refusals(forger)) == 1
        assert "not sealed" in _refusals(forger)[0].detail


def _refusals(hub: Hub) -> list[GatewayEventData]:
    events = [event.data for event in hub.events if isinstance(event.data, GatewayEventData)]
    unique = {data.detail: data for data in events if data.trouble is GatewayTrouble.REFUSED}
    return list(unique.values())


async def test_an_alarm_refuses_a_forged_receipt_itself_whoever_writes_it() -> None:
    link = VirtualLink(Everywhere(), seed=1)
    async with alice(link) as alarm:
        await alarm.hold()
        core = alarm.core
        for key in (FORGED, MAKE.key):  # a stranger's, and the root key, under which no receipt is ever sealed
            value = downlink.seal(
                aes.block(key), ADDRESS.octets, downlink.KIND_RECEIPT, 9, core.epoch, core.sequence, 2, 0
            )
            assert not core.downlink(value, alarm._clock())
        assert core.told == layout.TOLD_NOTHING
        assert sum(core.refused.values()) == 2
