"""Databases of every earlier revision, with rows in every table, brought to today's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, func, insert, inspect, select, text, update
from typer.testing import CliRunner

from hub.backup import checking
from hub.domain.incident import Phase
from hub.store import incidents, journal, schema, vault
from hub.store.schema import LiveSessionsError, NewerDatabaseError, UnfinishedRestoreError
from hub.store.store import Store, open_engine
from hub.store.tables import hub_facts, metadata
from protocols.events import Cause
from tests.hub.conftest import Watch
from tests.hub.desk import ACME, KEY, Office
from tocsin.cli import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.store import Tx
    from hub.store.vault import Vault

DATA = Path(__file__).parent / "data"
REVISIONS = schema.known_revisions()
EARLIER = REVISIONS[:-1]


class AtWork(Office):
    """In a database that is there already."""

    def _found(self, tx: Tx) -> None:
        """Nothing is founded."""


def golden(url: str) -> Engine:
    """The database of version 0.1.0, as that version left it."""
    engine = open_engine(url)
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database))) as connection:
            connection.executescript((DATA / "revision-0001.sqlite.sql").read_text("utf-8"))
    else:
        with engine.begin() as connection:
            connection.connection.cursor().execute((DATA / "revision-0001.postgresql.sql").read_text("utf-8"))
    return engine


def counts(engine: Engine) -> dict[str, int]:
    found = MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in found.tables.items()
            if name != "alembic_version"
        }


@pytest.fixture
def keys(tmp_path: Path) -> Vault:
    return vault.read_or_make(tmp_path / "hub.keys")


@pytest.fixture
def old(empty_database: str) -> Iterator[Engine]:
    engine = golden(empty_database)
    yield engine
    engine.dispose()


@pytest.fixture
def upgraded(old: Engine, keys: Vault) -> Iterator[AtWork]:
    schema.prepare(old, keys, asked=True)
    watch = Watch()
    watch.forward(hours=1)
    with closing(Store(old, keys, clock=watch)) as store:
        yield AtWork(store, watch)


def test_the_golden_database_has_rows_in_every_table_of_its_time(old: Engine) -> None:
    assert min(counts(old).values()) > 0


def test_everything_that_was_there_is_there_after_the_upgrade(old: Engine, keys: Vault) -> None:
    before = counts(old)
    schema.prepare(old, keys, asked=True)
    after = counts(old)
    assert {name: after[name] for name in before} == before


def test_the_journal_of_the_first_version_still_holds(upgraded: AtWork) -> None:
    assert upgraded.journal_is_whole()


def test_after_the_upgrade_an_alarm_of_a_device_enrolled_before_it_still_pages(upgraded: AtWork) -> None:
    upgraded.alarm.epoch = 2  # its battery was changed
    upgraded.alarm.counter = 1000
    upgraded.hear(upgraded.alarm.event(Cause.PANIC))
    assert ("sam@acme.example", "alarm") in upgraded.mails() or ("sam@acme.example", "joined") in upgraded.mails()
    assert upgraded.receipts()[-1]["downlink"] is not None


def test_incidents_of_the_first_version_can_be_dealt_with(upgraded: AtWork) -> None:
    live = upgraded.live()
    assert live is not None
    upgraded.desk(lambda desk: _take(desk, live.id))
    taken = upgraded.store.read(lambda tx: incidents.get(tx, ACME, live.id))
    assert taken is not None
    assert taken.state.phase is Phase.TAKEN


def _take(desk: Any, incident: str) -> None:
    from hub.cases import incidents as cases

    cases.take(desk, ACME, incident, "mo")


def test_after_the_upgrade_no_key_of_a_device_lies_open(upgraded: AtWork) -> None:
    found = MetaData()
    with upgraded.store.engine.connect() as connection:
        found.reflect(connection)
        for table in found.tables.values():
            for row in connection.execute(select(table)):
                assert KEY not in [bytes(value) for value in row if isinstance(value, bytes | memoryview)], table.name


@pytest.mark.parametrize("revision", EARLIER)
def test_every_revision_is_upgraded_with_rows_in_every_table(old: Engine, keys: Vault, revision: str) -> None:
    schema.upgrade(old, revision, keys)
    _fill_empty_tables(old)
    before = counts(old)
    assert min(before.values()) > 0
    schema.prepare(old, keys, asked=True)
    after = counts(old)
    assert {name: after[name] for name in before if name != hub_facts.name} == {
        name: number for name, number in before.items() if name != hub_facts.name
    }


def _fill_empty_tables(engine: Engine) -> None:
    found = MetaData()
    with engine.begin() as connection:
        found.reflect(connection)
        for table in found.sorted_tables:
            if connection.execute(select(func.count()).select_from(table)).scalar_one() == 0:
                known = metadata.tables[table.name].c if table.name in metadata.tables else table.c
                columns = [known.get(column.name, column) for column in table.c]
                connection.execute(insert(table).values({column.name: _value(column) for column in columns}))


def _value(column: Any) -> Any:
    from datetime import datetime

    kind = column.type.python_type
    values = {str: "acme", int: 1, bytes: b"\x01", bool: True, float: 1.0}
    return values.get(kind, datetime(2026, 3, 2))  # noqa: DTZ001 - as SQLite keeps it


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_tables_are_those_of_the_program_from_wherever_they_come(old: Engine, keys: Vault, revision: str) -> None:
    schema.upgrade(old, revision, keys)
    schema.prepare(old, keys, asked=True)
    with old.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_nothing_is_upgraded_under_a_live_session_unasked(old: Engine, keys: Vault) -> None:
    with pytest.raises(LiveSessionsError):
        schema.prepare(old, keys)
    with old.connect() as connection:
        assert schema.revision(connection) == "0001"


def test_a_database_of_a_newer_program_is_left_alone(old: Engine, keys: Vault) -> None:
    schema.prepare(old, keys, asked=True)
    with old.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with old.begin() as connection:
        connection.execute(update(hub_facts).where(hub_facts.c.id == "oldest program").values(value="9998"))
    with pytest.raises(NewerDatabaseError, match="9999"):
        schema.prepare(old, keys, asked=True)


def test_a_newer_database_whose_migration_says_so_is_used_as_it_is(old: Engine, keys: Vault) -> None:
    schema.prepare(old, keys, asked=True)
    with old.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    schema.prepare(old, keys)
    with old.connect() as connection:
        assert schema.revision(connection) == "9999"


def test_no_hub_starts_on_a_restore_that_was_interrupted(old: Engine, keys: Vault) -> None:
    with old.begin() as connection:
        connection.execute(text(f"CREATE TABLE {schema.UNFINISHED} (x INTEGER)"))
    with pytest.raises(UnfinishedRestoreError):
        schema.prepare(old, keys, asked=True)


def migrate(tmp_path: Path, url: str, *words: str) -> str:
    config = tmp_path / "hub.toml"
    config.write_text(f'database = "{url}"\nkeys_file = "{tmp_path / "hub.keys"}"\n')
    result = CliRunner().invoke(build(), ["hub", *words, "--config", str(config)])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_migration_command_backs_up_first_and_that_backup_can_be_restored(
    old: Engine, keys: Vault, tmp_path: Path
) -> None:
    url = old.url.render_as_string(hide_password=False)
    old.dispose()
    said = migrate(tmp_path, url, "migrate")
    (file,) = tmp_path.glob("before-0001-*.tar")
    assert str(file) in said
    manifest, problems = checking.check(file, keys)
    assert (manifest.revision, problems) == ("0001", [])
    migrate(tmp_path, url, "restore", str(file), "--replace")
    with closing(Store(open_engine(url), keys)) as store:
        assert not store.read(lambda tx: list(journal.verify(tx)))
        with store.engine.connect() as connection:
            assert schema.revision(connection) == REVISIONS[-1]
    assert "Backed up" not in migrate(tmp_path, url, "migrate")


def test_the_migration_command_makes_no_backup_when_told_not_to(old: Engine, keys: Vault, tmp_path: Path) -> None:
    url = old.url.render_as_string(hide_password=False)
    old.dispose()
    migrate(tmp_path, url, "migrate", "--no-backup")
    assert list(tmp_path.glob("before-*")) == []
    engine = open_engine(url)
    assert inspect(engine).has_table("hub_facts")
    engine.dispose()


def test_the_revisions_are_known_without_alembic_as_alembic_knows_them() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert list(reversed([script.revision for script in scripts.walk_revisions()])) == list(REVISIONS)
