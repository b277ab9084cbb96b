from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, insert, update

from hub.store import journal, outbox, schema
from hub.store.outbox import ItemKind, NewItem
from hub.store.schema import LiveSessionsError
from hub.store.store import Rank, Store, open_engine
from hub.store.tables import chains, metadata
from hub.store.tables import journal as journal_table
from hub.store.vault import Vault, new_key
from tests.hub.desk import ACME

if TYPE_CHECKING:
    from hub.store.store import Tx
    from tests.hub.conftest import Watch


def _write_chain(store: Store, length: int = 5) -> None:
    for number in range(length):
        store.write(lambda tx, number=number: journal.append(tx, ACME, "chain", "act", detail={"n": str(number)}))


def _breaks(store: Store) -> list[str]:
    return [broken.what for broken in store.read(lambda tx: list(journal.verify(tx)))]


def test_an_untouched_journal_is_whole(store: Store) -> None:
    _write_chain(store)
    assert _breaks(store) == []


def test_a_changed_entry_is_noticed(store: Store) -> None:
    _write_chain(store)
    third = journal_table.c.number == 3
    store.write(lambda tx: tx.connection.execute(update(journal_table).where(third).values(detail='{"n":"9"}')))
    assert _breaks(store) == ["was changed"]


def test_a_missing_entry_is_noticed(store: Store) -> None:
    _write_chain(store)
    store.write(lambda tx: tx.connection.execute(delete(journal_table).where(journal_table.c.number == 3)))
    assert "entry 3 is missing" in _breaks(store)


def test_entries_cut_off_at_the_end_are_noticed(store: Store) -> None:
    _write_chain(store)
    store.write(lambda tx: tx.connection.execute(delete(journal_table).where(journal_table.c.number >= 4)))
    assert _breaks(store) == ["does not end where its head says"]


def test_a_chain_that_is_wholly_gone_is_noticed(store: Store) -> None:
    _write_chain(store)
    store.write(lambda tx: tx.connection.execute(delete(journal_table)))
    assert _breaks(store) == ["does not end where its head says"]


def test_a_chain_without_a_head_is_noticed(store: Store) -> None:
    _write_chain(store)
    store.write(lambda tx: tx.connection.execute(delete(chains)))
    assert _breaks(store) == ["does not end where its head says"]


def test_what_raises_in_a_transaction_writes_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        journal.append(tx, ACME, "chain", "act")
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        store.write(work)
    assert store.read(journal.newest) == 0


def test_a_read_writes_nothing(store: Store) -> None:
    store.read(lambda tx: tx.connection.execute(insert(chains).values(organisation="a", chain="c", length=1, head="h")))
    assert _breaks(store) == []


def test_many_threads_lose_no_update(store: Store) -> None:
    def add() -> None:
        for _ in range(10):
            store.write(lambda tx: journal.append(tx, ACME, "one chain", "act"))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.read(lambda tx: journal.read(tx, ACME, "one chain"))) == 60
    assert _breaks(store) == []


def test_a_leased_row_comes_back_when_its_lease_ends(store: Store, watch: Watch) -> None:
    item = NewItem(kind=ItemKind.ALERT, channel="email", message="alarm", recipient="account:sam")
    store.write(lambda tx: outbox.add(tx, ACME, item))
    assert len(store.write(lambda tx: outbox.lease(tx, "email", 10))) == 1
    assert store.write(lambda tx: outbox.lease(tx, "email", 10)) == []
    watch.forward(seconds=outbox.LEASE.total_seconds())
    assert len(store.write(lambda tx: outbox.lease(tx, "email", 10))) == 1


def test_alarms_overtake_in_the_queue_of_the_one_writer(tmp_path: object, watch: Watch) -> None:
    store = Store(open_engine(f"sqlite:///{tmp_path}/queue.db"), Vault([new_key()]), clock=watch)
    order: list[str] = []
    busy, go = threading.Event(), threading.Event()

    def hold(_: Tx) -> None:
        busy.set()
        go.wait(5)

    def later(name: str, rank: Rank) -> threading.Thread:
        thread = threading.Thread(target=lambda: store.write(lambda _: order.append(name), rank=rank))
        thread.start()
        return thread

    threads = [threading.Thread(target=lambda: store.write(hold))]
    threads[0].start()
    busy.wait(5)
    assert store._writer is not None
    for count, (name, rank) in enumerate(
        [("routine", Rank.ROUTINE), ("action", Rank.ACTION), ("alarm", Rank.ALARM)], 1
    ):
        threads.append(later(name, rank))
        while store._writer._queue.qsize() < count:
            pass
    go.set()
    for thread in threads:
        thread.join()
    store.close()
    assert order == ["alarm", "action", "routine"]


def test_the_migrations_make_exactly_the_tables_of_the_code(empty_database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    engine = open_engine(empty_database)
    schema.prepare(engine, Vault([new_key()]))
    schema.prepare(engine, Vault([new_key()]))
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_nothing_is_upgraded_under_a_live_session_unasked(empty_database: str, watch: Watch) -> None:
    from hub.store.tables import sessions

    engine = open_engine(empty_database)
    schema.prepare(engine, Vault([new_key()]))
    values = {"organisation": "a", "id": "s", "worker": "w", "place": "p", "phase": "active", "risk": "high"}
    times = {"starts_at": watch.now(), "ends_at": watch.now(), "wears_device": True}
    with engine.begin() as connection:
        connection.execute(insert(sessions).values(**values, **times))
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    with pytest.raises(LiveSessionsError) as caught:
        schema.prepare(engine, Vault([new_key()]))
    assert caught.value.sessions == 1
    engine.dispose()


def test_keys_that_stood_open_are_sealed_by_the_upgrade_and_what_was_recorded_stays(empty_database: str) -> None:
    from sqlalchemy import text

    from hub.store import device_keys

    engine, vault = open_engine(empty_database), Vault([new_key()])
    schema.upgrade(engine, "0002")
    at = "2026-03-02 09:00:00.000000"
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO devices VALUES ('acme', :a, '', :k, 7, NULL, NULL)"),
            {"a": "C0:FF:EE:00:00:01", "k": bytes(range(16))},
        )
        connection.execute(
            text(
                "INSERT INTO events (organisation, address, epoch, sequence, stage, cause, counter, battery,"
                " observed_at, time_quality, received_at, recorded_at, gateway, rssi, frame)"
                " VALUES ('acme', 'C0:FF:EE:00:00:01', 1, 1, 2, 1, 5, 80, :t, 'x', :t, :t, 'north', -60, :f)"
            ),
            {"t": at, "f": b"f"},
        )
    schema.prepare(engine, vault)
    store = Store(engine, vault)
    (record,) = store.read(lambda tx: device_keys.of_device(tx, ACME, "C0:FF:EE:00:00:01"))
    assert store.read(lambda tx: device_keys.root(tx, record)) == bytes(range(16))
    assert (record.state.enrolment, record.state.ordered, record.state.taken) == (1, 0, None)
    rows = store.read(lambda tx: tx.connection.exec_driver_sql("SELECT enrolment, life, generation FROM events").all())
    assert [tuple(row) for row in rows] == [(1, 0, 0)]
    store.close()
