"""Events of a device that another replica has in hand: put off, for so long; what it did meanwhile counts."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update

from hub.domain.incident import Phase
from hub.ingest.events import PUT_OFF, EventIngest
from hub.store import device_keys, devices, tables
from hub.store.devices import Device
from hub.store.store import Store, open_engine
from hub.store.vault import Vault, new_key
from protocols.events import Cause, Stage
from protocols.ids import Address
from tests.hub.desk import ACME, ADDRESS, Alarm, Message, Office
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.hub.conftest import Watch
    from tests.services import Postgres

BOB = Address("C0:FF:EE:00:00:02")


class Pair:
    """Two replicas at one PostgreSQL: one records, the other is busy with a device now and then."""

    def __init__(self, url: str, watch: Watch) -> None:
        vault = Vault([new_key()])
        self._stores = [Store(open_engine(url), vault, clock=watch) for _ in range(2)]
        self.office = Office(self._stores[0], watch)
        self.office.session()
        self.office.store.write(_with_bob)
        office = self.office
        self.ingest = EventIngest(office.store, office.routes, office._publish, office.metrics, shares=True)
        self._bob = Alarm(BOB, bytes(16))

    def alice(self, cause: Cause = Cause.PANIC, stage: Stage = Stage.ALARM, *, new: bool = True) -> Message:
        return self.office.message(self.office.alarm.event(cause, stage, new=new))

    def bob(self) -> Message:
        return self.office.message(self._bob.event(Cause.PANIC), address=BOB)

    def step(self, *batch: Message) -> Sequence[Any]:
        return self.ingest.step(batch)  # type: ignore[arg-type]

    @contextmanager
    def alice_in_other_hands(self, do: Callable[[Any], object] = lambda _: None) -> Iterator[threading.Event]:
        """The other replica has her device locked, does something, and commits when the event is set, or at the end."""
        holds, go_on = threading.Event(), threading.Event()

        def work(tx: Any) -> None:
            tx.unit.rows(devices.LOCKED, ACME, ADDRESS)
            do(tx)
            holds.set()
            assert go_on.wait(60)

        other = threading.Thread(target=self._stores[1].write, args=(work,))
        other.start()
        try:
            assert holds.wait(20)
            yield go_on
        finally:
            go_on.set()
            other.join(20)

    def waits(self) -> bool:
        """Somebody waits for a lock."""
        asked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(self._stores[1].read(lambda tx: tx.connection.execute(asked).scalar_one()))

    def step_that_waits(self, go_on: threading.Event, *batch: Message) -> list[Any]:
        """A step; once it waits for the other replica, that one goes on. What was put off."""
        later: list[Any] = []
        ours = threading.Thread(target=lambda: later.append(self.step(*batch)))
        ours.start()
        eventually(self.waits, within_s=30)
        assert not later
        go_on.set()
        ours.join(30)
        (put_off,) = later
        return list(put_off)

    def close(self) -> None:
        for store in self._stores:
            store.close()


def _with_bob(tx: Any) -> None:
    devices.add(tx, Device(ACME, BOB, "alarm 2"))
    device_keys.add(tx, ACME, BOB, bytes(16))


@pytest.fixture
def pair(postgres: Postgres, postgres_template: str, watch: Watch) -> Iterator[Pair]:
    two = Pair(postgres.new_database(postgres_template), watch)
    yield two
    two.close()


def test_what_another_replica_has_in_hand_is_put_off_and_the_rest_recorded(pair: Pair) -> None:
    hers, his = pair.alice(), pair.bob()
    with pair.alice_in_other_hands():
        assert pair.step(hers, his) == [hers]
        assert his.acknowledged
        assert not hers.acknowledged
        assert [receipt["address"] for receipt in pair.office.receipts()] == [BOB]
    assert pair.step(hers) == []
    assert hers.acknowledged
    assert {receipt["address"] for receipt in pair.office.receipts()} == {ADDRESS, BOB}
    assert pair.office.journal_is_whole()


def test_what_was_put_off_too_often_is_waited_for_though_others_have_something_to_record(pair: Pair) -> None:
    hers = pair.alice()
    with pair.alice_in_other_hands() as go_on:
        for _ in range(PUT_OFF):
            assert pair.step(hers, pair.bob()) == [hers]
        assert pair.step_that_waits(go_on, hers, pair.bob()) == []
    assert hers.acknowledged
    with pair.alice_in_other_hands():  # and counted anew
        again = pair.alice()
        assert pair.step(again, pair.bob()) == [again]


def test_with_nothing_else_to_record_it_is_waited_for_at_once(pair: Pair) -> None:
    hers = pair.alice()
    with pair.alice_in_other_hands() as go_on:
        assert pair.step_that_waits(go_on, hers) == []
    assert hers.acknowledged


def test_a_cancel_of_a_device_that_was_revoked_while_it_was_waited_for_withdraws_nothing(pair: Pair) -> None:
    pair.step(pair.alice(Cause.FALL, Stage.PRE_ALARM))
    assert pair.office.the_incident().state.phase is Phase.PENDING

    def revoke(tx: Any) -> None:
        hers = (tables.devices.c.organisation == ACME, tables.devices.c.address == ADDRESS)
        tx.connection.execute(update(tables.devices).where(*hers).values(revoked_at=tx.now))

    with pair.alice_in_other_hands(revoke) as go_on:
        assert pair.step_that_waits(go_on, pair.alice(Cause.FALL, Stage.CANCELLED, new=False)) == []
    assert Phase.WITHDRAWN not in {record.state.phase for record in pair.office.incidents()}
