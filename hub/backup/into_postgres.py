"""Restoring into PostgreSQL: what is there moves to a schema of its own, and a marker stands until all is done."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import column, func, insert, inspect, select, table, text

from hub.backup import archive, postgres
from hub.backup.target import ASIDE, OccupiedError, Restored, finish, readable, today_in
from hub.store import schema
from hub.store.store import Store, open_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.cases.carrying import Today
    from hub.cases.desk import Routes
    from hub.store.vault import Vault

_MARKER: Final = table(schema.UNFINISHED, column("aside"))


class Postgres:
    """See :class:`hub.backup.target.Target`."""

    def __init__(self, url: str, vault: Vault, routes: Routes) -> None:
        self._store = Store(open_engine(url), vault)
        self._routes = routes

    @property
    def _name(self) -> str:
        return self._store.engine.url.render_as_string()

    def look(self, *, replace: bool) -> Today | None:
        postgres.program("pg_restore")
        others = self._store.read(lambda tx: _others(tx.connection))
        if others:
            raise OccupiedError(self._name, f"{others} other connection(s) to it are open: stop the hub first")
        unfinished, aside = self._store.read(lambda tx: _marked(tx.connection))
        if not unfinished:
            return today_in(self._store, replace=replace, name=self._name)
        return None if aside is None else readable(self._in(aside))

    def _in(self, aside: str) -> Store:
        """The tables in another schema; closed with the first."""
        translated = self._store.engine.execution_options(schema_translate_map={None: aside})
        return Store(translated, self._store.vault)

    def fill(self, path: Path, today: Today | None, mark: str) -> Restored:
        with tempfile.TemporaryDirectory(prefix="tocsin-restore-") as folder:
            dump = Path(folder) / archive.DATABASE
            manifest = archive.extract(path, dump)
            with self._store.engine.begin() as connection:
                aside = _make_room(connection, f"{ASIDE}{mark.lower()}")
            postgres.restore(self._store.engine, dump)
        schema.prepare(self._store.engine, self._store.vault, asked=True, unfinished=True)
        aftermath = finish(self._store, manifest, today, self._routes)
        return Restored(manifest, aftermath, None if aside is None else f"schema {aside}")

    def close(self) -> None:
        self._store.close()


def _others(connection: Connection) -> int:
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return int(connection.execute(text(f"{ours} AND backend_type = 'client backend'")).scalar_one())


def _marked(connection: Connection) -> tuple[bool, str | None]:
    """Whether a restore was interrupted, and the schema in which it put what was there."""
    if not inspect(connection).has_table(schema.UNFINISHED):
        return False, None
    return True, connection.execute(select(func.max(_MARKER.c.aside))).scalar_one()


def _make_room(connection: Connection, name: str) -> str | None:
    """The present tables out of the way, and the marker set; where they are now.

    What a restore that was interrupted left half made comes from a backup, and was never used: it is dropped.
    """
    unfinished, aside = _marked(connection)
    tables = sorted(set(inspect(connection).get_table_names()) - {schema.UNFINISHED})
    if unfinished:
        for each in tables:
            connection.execute(text(f'DROP TABLE "{each}" CASCADE'))
        return aside
    connection.execute(text(f"CREATE TABLE {schema.UNFINISHED} (aside text)"))
    if not tables:
        return None
    connection.execute(text(f"CREATE SCHEMA {name}"))
    for each in tables:
        connection.execute(text(f'ALTER TABLE "{each}" SET SCHEMA {name}'))
    connection.execute(insert(_MARKER).values(aside=name))
    return name
