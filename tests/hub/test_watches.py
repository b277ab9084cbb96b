"""Watching many: what was heard moves on in bulk, what is silent is told, and one bad sign hides no other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from hub.cases import sessions
from hub.domain.incident import Kind
from hub.domain.session import Risk
from hub.store import deadlines, device_keys, devices, directory, presence
from hub.store.deadlines import DeadlineKind
from hub.store.devices import Device
from hub.store.directory import Worker
from hub.store.faults import FaultKind
from hub.store.tables import deadlines as deadline_rows
from hub.store.tables import device_keys as key_rows
from protocols.ids import Address, WorkerId
from protocols.mqtt.envelope import Heard, PresenceData, PresenceEnvelope
from protocols.mqtt.topics import Channel, Topic
from tests.hub.desk import ACME, Alarm, Message, Office

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

PEOPLE = 60
GATEWAYS = 3


class Crowd:
    """Sixty people with an alarm each, out in sessions of normal risk, heard through three gateways."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.alarms = [Alarm(Address(f"C0:FF:EE:00:01:{index:02X}"), bytes([index]) * 16) for index in range(PEOPLE)]
        office.store.write(self._found)
        for index in range(PEOPLE):
            now = office.at()
            new = sessions.NewSession(
                self.worker(index), "home-17", now, now + timedelta(hours=8), Risk.NORMAL, start_now=True
            )
            office.desk(lambda desk, new=new: sessions.log(desk, ACME, new, "sam"))

    @staticmethod
    def worker(index: int) -> str:
        return f"worker-{index}"

    def _found(self, tx: Any) -> None:
        for index, alarm in enumerate(self.alarms):
            worker = WorkerId(self.worker(index))
            directory.add_worker(tx, Worker(ACME, worker, worker, None, None, "sam"))
            devices.add(tx, Device(ACME, alarm.address, worker))
            device_keys.add(tx, ACME, alarm.address, alarm.root)
            devices.assign(tx, ACME, alarm.address, worker)

    def digest(self, gateway: int, alarms: Sequence[Alarm], frames: dict[str, bytes] | None = None) -> Message:
        now = self.office.at()
        told = [
            Heard(
                address=alarm.address, frame=(frames or {}).get(alarm.address) or alarm.frame(), heard_at=now, rssi=-70
            )
            for alarm in alarms
        ]
        envelope = PresenceEnvelope(id="p", source="acme/x", time=now, data=PresenceData(boot="b", devices=told))
        return Message(str(Topic(ACME, self.gateway(gateway), Channel.PRESENCE)), envelope.to_json())

    @staticmethod
    def gateway(index: int) -> Any:
        return f"gate-{index}"

    def heard(self, *, but: int = 0) -> None:
        """All of them but the last ``but``, in one batch."""
        alarms = self.alarms[: PEOPLE - but]
        batch = [self.digest(index, alarms[index::GATEWAYS]) for index in range(GATEWAYS)]
        self.office.signs.step(batch)  # type: ignore[arg-type]

    def known(self) -> dict[Address, presence.Presence]:
        return self.office.store.read(lambda tx: presence.of_devices(tx, ACME))

    def due(self) -> dict[str, datetime]:
        watched = select(deadline_rows).where(deadline_rows.c.kind == DeadlineKind.SILENCE)
        return self.office.store.read(lambda tx: {row.subject: row.due_at for row in tx.connection.execute(watched)})


@pytest.fixture
def crowd(office: Office) -> Crowd:
    return Crowd(office)


def silent(office: Office) -> int:
    return sum(one.kind is FaultKind.DEVICE_SILENT for one in office.faults())


def test_everybody_who_was_heard_is_watched_on_and_nothing_is_written_of_it(crowd: Crowd) -> None:
    office = crowd.office
    office.pass_time(seconds=100)
    crowd.heard()
    heard_at = office.at()
    office.pass_time(seconds=90)

    assert set(crowd.due().values()) == {heard_at + Risk.NORMAL.silence_limit}
    assert silent(office) == 0
    assert office.store.read(deadlines.next_due) is not None


def test_the_silent_among_those_who_are_heard_are_told_of_on_time(crowd: Crowd) -> None:
    office = crowd.office
    office.pass_time(seconds=100)
    crowd.heard(but=7)
    office.pass_time(seconds=79)
    assert silent(office) == 0
    office.pass_time(seconds=2)

    assert silent(office) == 7
    assert len(crowd.due()) == PEOPLE - 7


def test_who_wears_two_alarms_is_heard_through_either(office: Office) -> None:
    second = Alarm(Address("C0:FF:EE:00:00:02"), bytes(range(1, 17)))
    office.session(Risk.HIGH)

    def worn_too(tx: Any) -> None:
        devices.add(tx, Device(ACME, second.address, "alarm 2"))
        device_keys.add(tx, ACME, second.address, second.root)
        tx.connection.execute(
            devices.assignments.insert().values(
                organisation=ACME, id="second", address=second.address, worker="alice", since=tx.now
            )
        )

    office.store.write(worn_too)
    crowd = Crowd.__new__(Crowd)
    crowd.office = office
    office.digest(office.alarm.frame())
    office.pass_time(seconds=60)
    office.signs.step([crowd.digest(0, [second])])  # type: ignore[list-item]
    office.pass_time(seconds=89)
    assert office.incidents() == []
    office.pass_time(seconds=2)
    assert office.the_incident().state.kind is Kind.SILENCE


def test_what_fails_holds_up_no_other_deadline_of_its_batch(crowd: Crowd) -> None:
    office = crowd.office
    lost = crowd.office.store.read(lambda tx: _session_of(tx, crowd.worker(3)))
    office.store.write(
        lambda tx: tx.connection.execute(
            deadline_rows.insert().values(organisation=ACME, kind="silence", subject="nobody's", due_at=office.at())
        )
    )
    office.watch.forward(seconds=181)
    office.monotonic += 1
    office.ticker.step()

    assert lost not in crowd.due()
    assert silent(office) == PEOPLE
    assert sum(one.kind is FaultKind.HUB_ERROR for one in office.faults()) == 1


def _session_of(tx: Any, worker: str) -> str:
    from hub.store import sessions as rows

    return rows.active_of(tx, ACME, worker)[0].id


def test_a_key_that_cannot_be_opened_silences_its_own_device_and_no_other(crowd: Crowd) -> None:
    damaged = crowd.alarms[5].address
    spoilt = update(key_rows).where(key_rows.c.address == damaged).values(sealed_root=b"spoilt")
    crowd.office.store.write(lambda tx: tx.connection.execute(spoilt))
    crowd.heard()

    assert crowd.known().keys() == {alarm.address for alarm in crowd.alarms} - {damaged}


def test_a_message_that_cannot_be_read_hides_no_other_of_its_batch(crowd: Crowd) -> None:
    good = crowd.digest(0, crowd.alarms)
    bad = Message(str(Topic(ACME, crowd.gateway(1), Channel.PRESENCE)), b"{")
    crowd.office.signs.step([bad, good])  # type: ignore[list-item]

    assert len(crowd.known()) == PEOPLE
    assert bad.acknowledged
    assert good.acknowledged


def test_of_two_digests_in_one_batch_the_newer_frame_of_a_device_counts(crowd: Crowd) -> None:
    alarm = crowd.alarms[0]
    older, newer = alarm.frame(), alarm.frame()
    batch = [crowd.digest(index, [alarm], {alarm.address: frame}) for index, frame in enumerate((newer, older))]
    crowd.office.signs.step(batch)  # type: ignore[arg-type]

    assert crowd.known()[alarm.address].counter == 2
    assert crowd.known()[alarm.address].gateway == crowd.gateway(0)


def test_a_replica_that_comes_late_takes_nothing_back(crowd: Crowd) -> None:
    alarm = crowd.alarms[0]
    crowd.heard()
    first = crowd.known()[alarm.address]
    crowd.heard()
    crowd.office.store.write(lambda tx: presence.put_presence(tx, ACME, first))

    assert crowd.known()[alarm.address].counter == first.counter + 1
