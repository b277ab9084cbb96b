"""The real device core against the real hub: what the hub sends is written to the device, what it says is heard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from device.core import Core
from hub.cases import device_keys
from hub.domain.session import Risk
from hub.store import presence
from protocols.ble import aes
from protocols.events import Told
from protocols.ids import GatewayId
from protocols.mqtt.topics import Channel, Topic
from tests.device.rig import Flash
from tests.hub.desk import ACME, ADDRESS, KEY, Office

if TYPE_CHECKING:
    from hub.store.presence import Presence

TOPICS = {str(Topic(ACME, GatewayId("north"), channel)) for channel in (Channel.COMMAND, Channel.RECEIPT)}


class Wearer:
    """A device on somebody, one gateway that hears it and passes everything on."""

    def __init__(self, office: Office) -> None:
        self.office, self.flash, self.now, self.passed_on = office, Flash(), 0, 0
        self.start()

    def start(self) -> None:
        self.core = Core(aes.block, KEY, ADDRESS.octets, self.flash)
        self.core.start(self.now)

    def live(self, seconds: int) -> None:
        for _ in range(seconds // 5):
            self.now += 5000
            while self.core.next_ms <= self.now:
                self.core.step(max(self.core.next_ms, self.now - 5000))
            self.office.pass_time(seconds=5)
            self.office.digest(self.core.output.service_data)
            self.take()

    def take(self) -> None:
        for topic, payload in self.office.published[self.passed_on :]:
            value = json.loads(payload)["data"].get("downlink") if topic in TOPICS else None
            if value:
                self.core.downlink(bytes.fromhex(value), self.now)
        self.passed_on = len(self.office.published)

    def panic(self) -> None:
        self.core.button(True, self.now)
        self.core.button(False, self.now + 1600)
        self.now += 2200
        self.core.step(self.now)

    @property
    def seen(self) -> Presence:
        found = self.office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS))
        assert found is not None
        return found


def test_a_device_is_rekeyed_after_a_gateway_was_lost_over_a_restart_and_stays_alive(office: Office) -> None:
    office.session(Risk.HIGH, minutes=30)
    wearer = Wearer(office)
    wearer.live(20)
    office.desk(lambda desk: device_keys.gateway_lost(desk, ACME, GatewayId("south"), "mo"))
    keys = office.store.read(lambda tx: device_keys.keyring(tx, ACME))
    office.desk(lambda desk: device_keys.fetched(desk, ACME, GatewayId("north"), device_keys.keyring_version(keys)))
    wearer.live(15)
    assert (wearer.core.generation, wearer.seen.generation) == (1, 1)
    wearer.start()
    wearer.live(120)
    assert wearer.core.generation == 1
    assert office.incidents() == []
    assert [key.generation for key in office.store.read(lambda tx: device_keys.keyring(tx, ACME))] == [1, 0]


def test_a_panic_in_the_middle_of_a_rotation_is_one_incident_and_its_wearer_is_told(office: Office) -> None:
    wearer = Wearer(office)
    wearer.live(10)
    office.desk(lambda desk: device_keys.rotate_keys(desk, ACME, [ADDRESS], "test", "mo"))
    keys = office.store.read(lambda tx: device_keys.keyring(tx, ACME))
    office.desk(lambda desk: device_keys.fetched(desk, ACME, GatewayId("north"), device_keys.keyring_version(keys)))
    wearer.panic()
    office.hear(wearer.core.output.service_data)
    wearer.live(20)
    assert wearer.core.generation == 1
    office.hear(wearer.core.output.service_data)
    wearer.take()
    assert wearer.core.told == Told.STORED
    office.take()
    wearer.live(20)
    assert wearer.core.told == Told.PERSON_HAS_IT
    assert len(office.incidents()) == 1
    assert office.mails()["sam@acme.example", "alarm"] == 1
