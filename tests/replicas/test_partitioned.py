"""The tables divided by organisation, as deploy/postgresql/partition.sql does it: a hub notices nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from hub.store import schema
from hub.store.store import Store, open_engine
from hub.store.vault import Vault, new_key
from protocols.events import Cause
from tests.hub.conftest import Watch
from tests.hub.desk import Office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services import Postgres

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgresql" / "partition.sql"
DIVIDED = ("events", "journal", "outbox", "deadlines", "presence")


@pytest.fixture
def divided(postgres: Postgres, postgres_template: str) -> Iterator[Office]:
    watch = Watch()
    store = Store(open_engine(postgres.new_database(postgres_template)), Vault([new_key()]), clock=watch)
    with store.engine.begin() as connection:
        connection.connection.cursor().execute(SCRIPT.read_text("utf-8"))
    yield Office(store, watch)
    store.close()


def test_the_alarm_path_runs_on_divided_tables(divided: Office) -> None:
    with divided.store.engine.connect() as connection:
        kinds = connection.execute(text("SELECT relname FROM pg_class WHERE relkind = 'p'")).scalars().all()
    assert set(DIVIDED) <= set(kinds)
    divided.digest(divided.alarm.frame())
    panic = divided.alarm.event(Cause.PANIC)
    divided.hear(panic)
    divided.hear(panic)
    assert [receipt["outcome"] for receipt in divided.receipts()] == ["recorded", "duplicate"]
    assert ("sam@acme.example", "alarm") in divided.mails()
    before = len(divided.mails())
    divided.pass_time(minutes=3)
    assert len(divided.mails()) > before  # the next rungs
    assert divided.journal_is_whole()


def test_a_hub_finds_divided_tables_as_they_should_be(divided: Office) -> None:
    schema.prepare(divided.store.engine, divided.store.vault)
