"""From one alarm to the next: asked for, and without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.cases import enrolment
from hub.cases.enrolment import AlreadyWearsError
from hub.domain.matching import Verdict
from hub.domain.session import Risk
from hub.store import device_keys, devices, directory
from hub.store.devices import Device
from hub.store.directory import Worker
from protocols.events import Cause
from protocols.ids import Address, WorkerId
from protocols.mqtt.envelope import Heard, PresenceData, PresenceEnvelope
from protocols.mqtt.topics import Channel
from tests.hub.desk import ACME, ADDRESS, Alarm

if TYPE_CHECKING:
    from hub.store.store import Tx
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office

NEW = Address("C0:FF:EE:00:00:02")
KEY = bytes(range(32, 48))


@pytest.fixture
def pool(office: Office) -> Office:
    """Alice wears an alarm; another one is in the pool."""

    def work(tx: Tx) -> None:
        directory.add_worker(tx, Worker(ACME, WorkerId("bob"), "Bob"))
        devices.add(tx, Device(ACME, NEW, "new one"))
        device_keys.add(tx, ACME, NEW, KEY)

    office.store.write(work)
    return office


def assign(office: Office, address: Address, worker: str = "alice", **more: Any) -> None:
    office.desk(lambda desk: enrolment.assign(desk, ACME, address, WorkerId(worker), "mo", **more))


def replace_it(office: Office, watch: Watch) -> None:
    watch.forward(minutes=1)
    assign(office, NEW, replace=True)
    watch.forward(minutes=1)


def heard(office: Office) -> None:
    """The new alarm is heard for the first time."""
    at = office.at()
    devices_ = [Heard(address=NEW, frame=Alarm(NEW, KEY).frame(), heard_at=at, rssi=-70)]
    envelope = PresenceEnvelope(id="p", source="acme/north", time=at, data=PresenceData(boot="b", devices=devices_))
    office._sign("north", Channel.PRESENCE, envelope.to_json())


def test_a_second_alarm_for_a_worker_is_asked_about(pool: Office) -> None:
    with pytest.raises(AlreadyWearsError, match=r"Alice Archer wears alarm 1; replace it\?"):
        assign(pool, NEW)
    assert pool.store.read(lambda tx: devices.of_worker(tx, ACME, "alice")) == [ADDRESS]
    assign(pool, NEW, replace=True)
    assert pool.store.read(lambda tx: devices.of_worker(tx, ACME, "alice")) == [NEW]


def test_the_same_alarm_again_and_one_for_somebody_who_has_none_are_not(pool: Office) -> None:
    assign(pool, ADDRESS)
    assign(pool, NEW, "bob")


def test_the_old_alarm_is_still_hers_until_the_new_one_is_heard(pool: Office, watch: Watch) -> None:
    session = pool.session()
    replace_it(pool, watch)
    pool.hear(pool.alarm.event(Cause.PANIC))
    match = pool.the_incident().match
    assert (match.verdict, match.worker, match.session) == (Verdict.MATCHED, "alice", session.id)
    assert match.reasons[0].endswith("by one that has not been heard yet: it still counts as worn by alice")


def test_the_old_alarm_is_nobodys_once_the_new_one_was_heard(pool: Office, watch: Watch) -> None:
    pool.session()
    replace_it(pool, watch)
    heard(pool)
    watch.forward(seconds=1)
    pool.hear(pool.alarm.event(Cause.PANIC))
    assert pool.the_incident().match.worker is None


def test_an_alarm_that_went_back_to_the_pool_is_nobodys(pool: Office, watch: Watch) -> None:
    watch.forward(minutes=1)
    pool.desk(lambda desk: enrolment.unassign(desk, ACME, ADDRESS, "mo"))
    watch.forward(minutes=1)
    assign(pool, NEW)
    pool.hear(pool.alarm.event(Cause.PANIC))
    assert pool.the_incident().match.worker is None


def test_an_old_alarm_that_somebody_else_was_given_is_theirs(pool: Office, watch: Watch) -> None:
    replace_it(pool, watch)
    assign(pool, ADDRESS, "bob")
    pool.hear(pool.alarm.event(Cause.PANIC))
    assert pool.the_incident().match.worker == "bob"


def test_an_old_alarm_in_a_drawer_does_not_keep_its_worker_alive(pool: Office, watch: Watch) -> None:
    pool.session(Risk.HIGH)
    replace_it(pool, watch)
    for _ in range(12):
        pool.digest(pool.alarm.frame())
        pool.pass_time(seconds=10)
    assert pool.live() is not None
