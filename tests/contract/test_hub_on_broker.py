"""The hub as it runs, on each broker and each database, fed by whoever can publish."""

from __future__ import annotations

import json
import random
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import pytest
from aiosmtpd.controller import Controller

from hub.app import Hub
from hub.settings import EmailSettings, HubSettings
from hub.store import device_keys, devices, directory, incidents, journal
from hub.store.devices import Device
from hub.store.directory import Account, Organisation, Role, Worker
from protocols.events import Cause
from protocols.ids import GatewayId, WorkerId
from protocols.mqtt.envelope import EventEnvelope, FrameData, event_id
from protocols.mqtt.topics import Channel, Topic
from tests.hub.desk import ACME, ADDRESS, KEY, Alarm
from tests.services import eventually, free_port
from tocsin.mqtt import Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services import Process
    from tocsin.mqtt import Received

NORTH = GatewayId("north")


class Postbox:
    """A real SMTP server."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)  # type: ignore[no-untyped-call]

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
        import email
        from email import policy

        message = email.message_from_bytes(envelope.content, policy=policy.default)
        self.subjects.append(str(message["Subject"]))
        return "250 taken"

    def __enter__(self) -> Self:
        self._controller.start()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()  # type: ignore[no-untyped-call]


class Site:
    """A gateway without a radio: publishes what it is given, keeps the receipts."""

    def __init__(self, port: int) -> None:
        self.receipts: dict[str, str] = {}
        self.last = b""
        self.arrived = threading.Condition()
        self.link = Connection(
            MqttSettings(port=port),
            client_id="acme.north",
            subscriptions=[str(Topic(ACME, NORTH, Channel.RECEIPT))],
            on_message=self._receipt,
        )
        self.link.start()
        assert self.link.wait_connected(20)

    def _receipt(self, message: Received) -> None:
        data = json.loads(message.payload)["data"]
        self.receipts[data["event"]] = data["outcome"]
        message.acknowledge()

    def publish(self, payload: bytes) -> None:
        eventually(lambda: self.link.publish(str(Topic(ACME, NORTH, Channel.EVENT)), payload))

    def event(self, alarm: Alarm, cause: Cause) -> str:
        frame, now = alarm.event(cause), datetime.now(UTC)
        number = event_id(ADDRESS, alarm.epoch, alarm.sequence, 2)
        data = FrameData(address=ADDRESS, frame=frame, rssi=-60, boot="b")
        self.last = EventEnvelope(id=number, source="acme/north", time=now, receivedtime=now, data=data).to_json()
        self.publish(self.last)
        return number

    def insists(self, number: str) -> bool:
        """Whether the last event has a receipt; if not, it is sent again, as a gateway does."""
        if self.receipts.get(number) in {"recorded", "duplicate"}:
            return True
        self.publish(self.last)
        return False


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with Postbox() as box:
        yield box


@pytest.fixture
def hub(broker: Process, database_url: str, postbox: Postbox, tmp_path: Path) -> Iterator[Hub]:
    mqtt = MqttSettings(port=broker.port or 0)
    email = EmailSettings(host="127.0.0.1", port=postbox.port, security="none", sender="tocsin@acme.example")
    running = Hub(HubSettings(database=database_url, keys_file=tmp_path / "hub.keys", mqtt=mqtt, email=email))
    running.store.write(_found)
    running.start()
    eventually(lambda: running._event_link.connected, within_s=20)
    yield running
    running.stop()


def _found(tx: Any) -> None:
    directory.add_organisation(tx, Organisation(ACME, "Acme", "Europe/London"))
    directory.add_account(tx, Account(ACME, "sam", "Sam", "sam@acme.example", Role.SUPERVISOR))
    directory.add_worker(tx, Worker(ACME, WorkerId("alice"), "Alice Archer", supervisor="sam"))
    devices.add(tx, Device(ACME, ADDRESS, "alarm 1"))
    device_keys.add(tx, ACME, ADDRESS, KEY)
    devices.assign(tx, ACME, ADDRESS, WorkerId("alice"))


def test_an_alarm_is_receipted_and_mailed_through_a_real_server(hub: Hub, broker: Process, postbox: Postbox) -> None:
    site = Site(broker.port or 0)
    number = site.event(Alarm(), Cause.PANIC)
    eventually(lambda: site.receipts.get(number) == "recorded")
    assert eventually(lambda: postbox.subjects) == ["ALARM: panic: Alice Archer"]
    site.link.stop()
    assert not hub.store.read(lambda tx: list(journal.verify(tx)))


def test_ten_thousand_malformed_messages_do_not_stop_the_next_good_alarm(
    hub: Hub, broker: Process, postbox: Postbox
) -> None:
    fast = broker.command[0].endswith("mosquitto") and hub.store.is_sqlite
    count = 10_000 if fast else 500  # the same path everywhere; all of them once
    site, dice = Site(broker.port or 0), random.Random(1)
    good = EventEnvelope(
        id="x",
        source="acme/north",
        time=datetime.now(UTC),
        receivedtime=datetime.now(UTC),
        data=FrameData(address=ADDRESS, frame=bytes(24), rssi=-1, boot="b"),
    ).to_json()
    for _ in range(count):
        site.publish(_malformed(dice, good))
    number = site.event(Alarm(), Cause.PANIC)
    eventually(lambda: site.insists(number), within_s=100, every_s=2)
    eventually(lambda: "ALARM: panic: Alice Archer" in postbox.subjects)
    pages = [subject for subject in postbox.subjects if "unreadable" in subject]
    assert len(pages) == 1
    kinds = {record.state.kind for record in hub.store.read(lambda tx: incidents.listed(tx, ACME, only_live=True))}
    assert {kind.value for kind in kinds} == {"panic", "unreadable"}
    site.link.stop()


def _malformed(dice: random.Random, good: bytes) -> bytes:
    if dice.random() < 0.5:
        return dice.randbytes(dice.randrange(200))
    at = dice.randrange(len(good))
    return good[:at] + dice.randbytes(dice.randrange(1, 4)) + good[at + dice.randrange(3) :]
