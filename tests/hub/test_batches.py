"""A batch is one transaction, and leaves behind exactly what its events would have left one by one."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from hub.domain.incident import Phase
from hub.ingest.events import EventIngest
from hub.store import device_keys, devices, directory, events, incidents, journal, tables
from hub.store.devices import Device
from hub.store.directory import Worker
from hub.store.store import Store, open_engine
from hub.store.tables import metadata
from hub.store.vault import Vault
from protocols.events import Cause, Stage
from protocols.ids import Address, IncidentId, WorkerId
from protocols.mqtt.envelope import Outcome
from tests.conftest import BACKENDS
from tests.hub.conftest import Watch
from tests.hub.desk import ACME, ADDRESS, Alarm, Message, Office

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hub.store.incidents import IncidentRecord
    from tests.services import Postgres

BOB = Address("C0:FF:EE:00:00:02")
_KEY = b"the vault's key" + bytes(17)


@pytest.fixture(params=BACKENDS)
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Watch], Store]]:
    """Makes stores with a database of their own each, in which ids are counted."""
    opened: list[Store] = []

    def new(watch: Watch) -> Store:
        numbers = count()
        if request.param == "sqlite":
            path = tmp_path / f"{len(opened)}.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            url = f"sqlite:///{path}"
        else:
            server: Postgres = request.getfixturevalue("postgres")
            url = server.new_database(request.getfixturevalue("postgres_template"))
        store = Store(open_engine(url), Vault([_KEY]), clock=watch, new_id=lambda: f"id-{next(numbers):04}")
        opened.append(store)
        return store

    yield new
    for store in opened:
        store.close()


def _with_bob(office: Office) -> Office:
    def add(tx: Any) -> None:
        directory.add_worker(tx, Worker(ACME, WorkerId("bob"), "Bob", None, None, "sam"))
        devices.add(tx, Device(ACME, BOB, "alarm 2"))
        device_keys.add(tx, ACME, BOB, bytes(16))
        devices.assign(tx, ACME, BOB, WorkerId("bob"))

    office.store.write(add)
    return office


def _everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for what is sealed under a nonce of its own."""

    def rows(tx: Any) -> dict[str, list[tuple[Any, ...]]]:
        tables = [table for table in metadata.sorted_tables if table.name not in {"sign_ins", "hub_facts"}]
        shown = {table.name: [column for column in table.columns if "sealed" not in column.name] for table in tables}
        return {
            name: sorted((tuple(row) for row in tx.connection.execute(select(*columns))), key=repr)
            for name, columns in shown.items()
        }

    return store.read(rows)


class _Shift:
    """What two wearers may do on a bad day, told to the hub by two gateways in envelopes of all sorts."""

    def __init__(self, office: Office, chance: Random) -> None:
        self._office = office
        self._chance = chance
        self._alarms = [(ADDRESS, office.alarm), (BOB, Alarm(BOB, bytes(16)))]
        self._said: list[tuple[Address, bytes]] = []

    def message(self) -> Message:
        address, frame = self._frame()
        self._said.append((address, frame))
        gateway = self._chance.choice(("north", "south"))
        return self._office.message(frame, gateway=gateway, address=address, age_s=self._chance.choice((0, 0, 30)))

    def _frame(self) -> tuple[Address, bytes]:
        kind = self._chance.randrange(12)
        if kind == 0 and self._said:
            return self._chance.choice(self._said)
        address, alarm = self._chance.choice(self._alarms)
        if kind == 1:
            return address, alarm.event(Cause.PANIC)[:-1] + b"\x00"
        if kind == 2:
            return Address("C0:FF:EE:00:00:99"), alarm.event(Cause.PANIC)
        causes = (Cause.CHECK_IN, Cause.TEST, Cause.LOW_BATTERY, Cause.REMOVED)
        if kind < 6:
            return address, alarm.event(self._chance.choice(causes), Stage.NOTICE)
        cause = self._chance.choice((Cause.PANIC, Cause.FALL))
        stage = self._chance.choice((Stage.PRE_ALARM, Stage.ALARM, Stage.CANCELLED, Stage.DURESS))
        return address, alarm.event(cause, stage, new=kind < 9 or not alarm.sequence)


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_leaves_what_its_events_would_have_left_one_by_one(
    new_store: Callable[[Watch], Store], seed: int
) -> None:
    together, alone = (_with_bob(Office(new_store(watch), watch)) for watch in (Watch(), Watch()))
    for office in (together, alone):
        office.session()
    shift = _Shift(together, Random(seed))
    for _ in range(3):
        batch = [shift.message() for _ in range(12)]
        together.ingest.step(batch)  # type: ignore[arg-type]
        for message in _in_order_of_record(batch):
            alone.ingest.step([message])  # type: ignore[list-item]
        for office in (together, alone):
            office.watch.forward(seconds=20)
    assert _everything(together.store) == _everything(alone.store)
    assert together.published == alone.published
    assert together.journal_is_whole()


def _in_order_of_record(batch: Sequence[Message]) -> list[Message]:
    """By device; what can't be read comes first, as it does in a batch."""
    return sorted(batch, key=lambda message: _address(message.payload))


def _address(payload: bytes) -> str:
    return str(json.loads(payload)["data"]["address"])


def test_the_same_event_twice_in_a_batch_is_recorded_once(office: Office) -> None:
    office.session()
    first = office.alarm.event(Cause.PANIC)
    again = office.alarm.event(Cause.PANIC, new=False)
    office.hear(first, first, again)
    assert [receipt["outcome"] for receipt in office.receipts()] == [
        Outcome.RECORDED,
        Outcome.DUPLICATE,
        Outcome.DUPLICATE,
    ]
    assert office.written(office.the_incident().id).count("event") == 1
    assert office.journal_is_whole()


def test_two_events_of_a_device_in_a_batch_join_one_incident_and_share_no_counter(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC), office.alarm.event(Cause.FALL))
    assert office.written(office.the_incident().id).count("event") == 2
    assert len({receipt["downlink"] for receipt in office.receipts()}) == 2
    device = office.store.read(lambda tx: devices.get(tx, ACME, ADDRESS))
    assert device is not None
    assert device.downlink_counter >= 2


def test_a_pre_alarm_and_its_cancel_in_a_batch_leave_nobody_to_be_paged(office: Office) -> None:
    office.session()
    office.hear(
        office.alarm.event(Cause.FALL, Stage.PRE_ALARM), office.alarm.event(Cause.FALL, Stage.CANCELLED, new=False)
    )
    assert office.the_incident().state.phase is Phase.WITHDRAWN
    assert office.journal_is_whole()


def test_a_cancel_and_a_new_alarm_in_a_batch_end_one_incident_and_begin_another(office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))
    office.hear(office.alarm.event(Cause.FALL, Stage.CANCELLED, new=False), office.alarm.event(Cause.PANIC))
    assert {record.state.phase for record in office.incidents()} == {Phase.WITHDRAWN, Phase.OPEN}
    assert office.journal_is_whole()


def test_one_message_that_fails_takes_nothing_of_its_batch_with_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.session()
    spoilt = office.alarm.event(Cause.FALL)
    add = events.add

    def failing(tx: Any, heard: Any) -> bool:
        if heard.frame == spoilt:
            raise RuntimeError("spoilt")
        return add(tx, heard)

    monkeypatch.setattr(events, "add", failing)
    office.hear(office.alarm.event(Cause.PANIC), spoilt, office.alarm.event(Cause.CHECK_IN, Stage.NOTICE))
    outcomes = sorted(receipt["outcome"] for receipt in office.receipts())
    assert outcomes == [Outcome.RECORDED, Outcome.RECORDED, Outcome.UNREADABLE]
    assert office.journal_is_whole()


def test_two_replicas_that_get_the_same_events_at_once_record_each_once(office: Office, database_url: str) -> None:
    """Through two gateways, in two orders: same chains, same counters, same incidents."""
    _with_bob(office)
    office.session()
    office.session(worker="bob")
    other = Store(open_engine(database_url), office.store.vault, clock=office.watch)
    bob = Alarm(BOB, bytes(16))
    frames = [
        (alarm.address, alarm.event(*what))
        for what in 8 * [(Cause.CHECK_IN, Stage.NOTICE), (Cause.PANIC, Stage.ALARM)]
        for alarm in (office.alarm, bob)
    ]
    try:
        published = _at_once(office, other, frames)
    finally:
        other.close()
    outcomes = [receipt["outcome"] for receipt in published]
    assert sorted(outcomes) == 32 * [Outcome.DUPLICATE] + 32 * [Outcome.RECORDED]
    assert len({receipt["downlink"] for receipt in published}) == len(published)
    assert len(office.incidents()) == 2
    assert office.journal_is_whole()


def _at_once(office: Office, other: Store, frames: list[tuple[Address, bytes]]) -> list[dict[str, Any]]:
    """Both replicas get all frames in batches of a few, one of them backwards; their receipts."""
    published: list[bytes] = []
    together = threading.Barrier(2)

    def replica(store: Store, gateway: str, ordered: list[tuple[Address, bytes]]) -> None:
        def publish(topic: str, payload: bytes) -> bool:
            if gateway in topic:
                published.append(payload)
            return True

        ingest = EventIngest(store, office.routes, publish, office.metrics)
        for index in range(0, len(ordered), 4):
            batch = [office.message(frame, gateway=gateway, address=of) for of, frame in ordered[index : index + 4]]
            together.wait(20)
            ingest.step(batch)  # type: ignore[arg-type]

    threads = [
        threading.Thread(target=replica, args=(office.store, "north", frames)),
        threading.Thread(target=replica, args=(other, "south", frames[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [json.loads(payload)["data"] for payload in published]


def test_what_is_queued_is_in_the_answers_and_in_the_database_for_whoever_asks_it(office: Office) -> None:
    record = _raised(office)

    def work(tx: Any) -> None:
        assert incidents.live(tx, ACME, record.subject) is not None
        over = _with_phase(record, Phase.CLOSED)
        incidents.save(tx, over)
        assert incidents.live(tx, ACME, record.subject) is None
        assert incidents.get(tx, ACME, record.id) == over
        begun = replace(record, id=IncidentId("another"), subject="worker:bob")
        incidents.add(tx, begun)
        assert incidents.get(tx, ACME, begun.id) == begun
        assert {one.id for one in incidents.listed(tx, ACME, only_live=False)} == {over.id, begun.id}
        journal.append(tx, ACME, record.id, "seen")
        assert [entry.action for entry in journal.read(tx, ACME, record.id)][-1] == "seen"

    office.store.write(work)
    assert office.journal_is_whole()


def test_a_column_that_is_changed_is_so_in_the_answers_and_the_others_stay_as_somebody_else_left_them(
    office: Office,
) -> None:
    key = {"organisation": ACME, "address": ADDRESS, "enrolment": 1}

    def work(tx: Any) -> None:
        before = device_keys.of_device(tx, ACME, ADDRESS)
        device_keys.change(tx, before[0], taken_generation=7)
        assert device_keys.of_device(tx, ACME, ADDRESS)[0].state.taken == 7
        tx.unit.change(tables.device_keys, key, {"taken_generation": 8})
        assert device_keys.of_device(tx, ACME, ADDRESS)[0].state.taken == 8
        _meanwhile(tx, generation=5)

    office.store.write(work)
    state = office.store.read(lambda tx: device_keys.of_device(tx, ACME, ADDRESS))[0].state
    assert (state.taken, state.ordered) == (8, 5)


def _meanwhile(tx: Any, generation: int) -> None:
    """Somebody else's change, as far as this transaction is concerned: it does not go through its unit."""
    tx.unit._connection.execute(update(tables.device_keys).values(generation=generation))


def test_a_row_written_whole_after_it_was_changed_stays_as_it_was_written(office: Office) -> None:
    key = {"organisation": ACME, "address": ADDRESS, "enrolment": 1}

    def work(tx: Any) -> None:
        (row,) = tx.unit.rows(device_keys.KEYS, ACME, ADDRESS)
        tx.unit.change(tables.device_keys, key, {"taken_generation": 7})
        tx.unit.put(tables.device_keys, device_keys.KEYS.values(row) | {"taken_generation": 9})
        assert device_keys.of_device(tx, ACME, ADDRESS)[0].state.taken == 9

    office.store.write(work)
    assert office.store.read(lambda tx: device_keys.of_device(tx, ACME, ADDRESS))[0].state.taken == 9


def test_what_was_read_without_a_lock_is_read_again_once_the_lock_is_held(office: Office) -> None:
    def work(tx: Any) -> None:
        before = devices.get(tx, ACME, ADDRESS)
        assert before is not None
        assert before.revoked_at is None
        tx.unit._connection.execute(update(tables.devices).values(revoked_at=tx.now))  # somebody else's, as below
        tx.unit.read_ahead(devices.LOCKED, [(ACME, ADDRESS)])
        after = devices.get(tx, ACME, ADDRESS)
        assert after is not None
        assert after.revoked_at == tx.now

    office.store.write(work)


def test_a_change_of_a_row_that_is_still_to_be_written_is_part_of_it_for_whoever_asks(office: Office) -> None:
    key = {"organisation": ACME, "address": ADDRESS}

    def work(tx: Any) -> None:
        (row,) = tx.unit.rows(devices.LOCKED, ACME, ADDRESS)
        tx.unit.put(tables.devices, devices.LOCKED.values(row) | {"label": "put"})
        tx.unit.change(tables.devices, key, {"label": "changed"})
        device = devices.get(tx, ACME, ADDRESS)
        assert device is not None
        assert device.label == "changed"

    office.store.write(work)
    device = office.store.read(lambda tx: devices.get(tx, ACME, ADDRESS))
    assert device is not None
    assert device.label == "changed"


def test_of_changes_of_one_column_the_last_one_is_written_whatever_else_was_changed_with_it(office: Office) -> None:
    key = {"organisation": ACME, "address": ADDRESS, "enrolment": 1}

    def work(tx: Any) -> None:
        tx.unit.change(tables.device_keys, key, {"taken_generation": 1})
        tx.unit.change(tables.device_keys, key, {"taken_generation": 2, "generation": 2})
        tx.unit.change(tables.device_keys, key, {"taken_generation": 3})

    office.store.write(work)
    state = office.store.read(lambda tx: device_keys.of_device(tx, ACME, ADDRESS))[0].state
    assert (state.taken, state.ordered) == (3, 2)


def test_what_a_failed_transaction_queued_is_nowhere(office: Office) -> None:
    record = _raised(office)

    def work(tx: Any) -> None:
        incidents.save(tx, _with_phase(record, Phase.CLOSED))
        journal.append(tx, ACME, record.id, "seen")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        office.store.write(work)
    assert office.the_incident() == record
    assert "seen" not in office.written(record.id)


def _raised(office: Office) -> IncidentRecord:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    return office.the_incident()


def _with_phase(record: IncidentRecord, phase: Phase) -> IncidentRecord:
    return replace(record, state=replace(record.state, phase=phase))
