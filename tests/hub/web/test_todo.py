"""The list of what is left to do before anybody relies on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hub.cases import incidents
from hub.domain.incident import Outcome
from hub.store import device_keys, devices, directory
from hub.store.devices import Device
from hub.store.directory import Worker
from protocols.events import Cause, Stage
from protocols.ids import Address, WorkerId
from protocols.mqtt.envelope import GatewayState
from tests.hub.desk import ACME, Alarm
from tests.hub.web.test_console import text

if TYPE_CHECKING:
    from hub.store.store import Tx
    from tests.hub.desk import Office
    from tests.hub.web.visitor import Visitor

SECOND, THIRD = Address("C0:FF:EE:00:00:02"), Address("C0:FF:EE:00:00:03")


def bob_wears_the_second_and_the_third_lies_in_the_pool(tx: Tx) -> None:
    directory.add_worker(tx, Worker(ACME, WorkerId("bob"), "Bob Bailey"))
    for number, address in ((2, SECOND), (3, THIRD)):
        devices.add(tx, Device(ACME, address, f"alarm {number}"))
        device_keys.add(tx, ACME, address, bytes([number]) * 16)
    devices.assign(tx, ACME, SECOND, WorkerId("bob"))


def proof(sam: Visitor) -> str:
    """The list's last line; empty when there is no list any more."""
    lines = re.findall(r"<li[^>]*>.*?</li>", "".join(re.findall(r'<ol class="todo">.*?</ol>', sam.page(), re.DOTALL)))
    return text(lines[-1]) if lines else ""


def test_it_names_every_device_that_is_worn_and_was_never_proved(sam: Visitor, office: Office) -> None:
    office.store.write(bob_wears_the_second_and_the_third_lies_in_the_pool)
    office.status(GatewayState.ONLINE)
    assert "Prove alarm 1, alarm 2:" in proof(sam)

    office.hear(office.alarm.event(Cause.PANIC))
    office.desk(lambda desk: incidents.close(desk, ACME, office.the_incident().id, "sam", Outcome.TEST, ""))
    assert "Prove alarm 2:" in proof(sam)

    other = Alarm(SECOND, bytes([2]) * 16)
    office.ingest.step([office.message(other.event(Cause.TEST, Stage.NOTICE), address=SECOND)])  # type: ignore[list-item]
    assert proof(sam) == ""


def test_the_page_of_devices_says_how_to_prove_one(sam: Visitor, office: Office) -> None:
    assert "Press its button once, briefly: a silent test" in text(sam.page("/devices"))
    assert "Hold its button for two seconds: a real alarm" in text(sam.page("/devices"))
    office.hear(office.alarm.event(Cause.TEST, Stage.NOTICE))
    assert "Press its button once" not in text(sam.page("/devices"))
