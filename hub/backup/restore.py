"""Putting a backup in the place of the hub's database; what was there is moved aside, never lost.

On SQLite everything is made ready in a file beside the database, which then takes its name. On PostgreSQL the present
tables move to a schema of their own first; a marker stands in the database until all is done, and no hub starts on it
before. Interrupted at any point, it is run again.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from hub.backup import archive, postgres
from hub.backup.manifest import BackupError
from hub.cases import carrying, restoring
from hub.cases.desk import Desk
from hub.store import directory, schema
from hub.store.store import Store, StoreUnavailableError, open_engine

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.backup.manifest import Manifest
    from hub.cases.carrying import Today
    from hub.cases.desk import Routes
    from hub.cases.restoring import Aftermath
    from hub.store.store import Tx
    from hub.store.vault import Vault

_ASIDE: Final = "before_restore_"


class OccupiedError(BackupError):
    """A hub runs on the database, or there is something in it and nobody said that it may be replaced."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done.

    Attributes:
        manifest: of the backup.
        aftermath: what a person must know.
        aside: where the former database is; None when there was none.
    """

    manifest: Manifest
    aftermath: Aftermath
    aside: str | None


def restore(path: Path, url: str, vault: Vault, routes: Routes, *, replace: bool, now: datetime) -> Restored:
    """Bring the backup at ``path`` into the database at ``url``.

    Args:
        path: of the backup; checked already.
        url: SQLAlchemy's.
        vault: of the keys that are kept outside.
        routes: how people are told of it.
        replace: what is in the database may be moved aside.
        now: names what is moved aside.

    Raises:
        OccupiedError: see there; nothing was changed.
        BackupError: it can't be read or restored; run again, nothing is lost.
        StoreUnavailableError: the database does not answer.
    """
    kind = url.partition(":")[0].partition("+")[0]
    manifest = archive.read(path)
    if manifest.database != kind:
        raise BackupError(path, f"is of {manifest.database}, and goes only into such a database, not into {kind}")
    work = _Sqlite(url, vault, routes) if kind == "sqlite" else _Postgres(url, vault, routes)
    with closing(work):
        today = work.look(replace=replace)
        return work.fill(path, today, f"{now:%Y%m%dT%H%M%S_%f}")


def _today(store: Store, *, replace: bool, name: str) -> Today | None:
    """Of the database that is replaced; None when there is nothing in it, or nothing that can be read.

    Raises:
        OccupiedError: there is something in it, and it is not to be replaced.
    """
    try:
        tables = inspect(store.engine)
        if tables.has_table(schema.UNFINISHED) or not tables.has_table("organisations"):
            return None
        used = bool(store.read(directory.all_organisations))
        today = store.read(carrying.read) if used else None
    except (SQLAlchemyError, StoreUnavailableError):
        used, today = True, None  # damaged, or of another revision: nothing is known of it but that it is there
    if used and not replace:
        raise OccupiedError(name, "there is a hub's data in it already; with --replace it is moved aside")
    return today


def _finish(store: Store, manifest: Manifest, today: Today | None, routes: Routes) -> Aftermath:
    def work(tx: Tx) -> Aftermath:
        found = restoring.restored(Desk(tx, routes), manifest.taken_at, today)
        tx.connection.execute(text(f"DROP TABLE IF EXISTS {schema.UNFINISHED}"))
        return found

    return store.write(work)


class _Sqlite:
    def __init__(self, url: str, vault: Vault, routes: Routes) -> None:
        self._file = Path(url.partition(":///")[2])
        self._vault = vault
        self._routes = routes
        self._lock: sqlite3.Connection | None = None

    def look(self, *, replace: bool) -> Today | None:
        if not self._file.exists():
            return None
        self._keep_others_out()
        with tempfile.TemporaryDirectory(prefix=".tocsin-look-", dir=self._file.parent) as folder:
            copy = Path(folder) / "copy.db"
            try:
                self._copy(copy)
            except sqlite3.Error as damaged:
                if replace:
                    return None
                raise OccupiedError(
                    self._file, f"can't be read ({damaged}); with --replace it is moved aside"
                ) from None
            with closing(Store(open_engine(f"sqlite:///{copy}"), self._vault)) as store:
                return _today(store, replace=replace, name=str(self._file))

    def _keep_others_out(self) -> None:
        self._lock = lock = sqlite3.connect(self._file, timeout=1, isolation_level=None)
        try:
            lock.execute("PRAGMA locking_mode = EXCLUSIVE")
            lock.execute("BEGIN EXCLUSIVE")
            lock.execute("COMMIT")
        except sqlite3.OperationalError as busy:
            if busy.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise OccupiedError(self._file, "a hub is running on it: stop it first") from busy
        except sqlite3.DatabaseError:
            pass  # damaged: `look` says so

    def _copy(self, copy: Path) -> None:
        if self._lock is not None:
            with closing(sqlite3.connect(copy)) as target:
                self._lock.backup(target)

    def fill(self, path: Path, today: Today | None, mark: str) -> Restored:
        fresh = self._file.with_name(f".{self._file.name}.restoring")
        for suffix in ("", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        manifest = archive.extract(path, fresh)
        with closing(Store(open_engine(f"sqlite:///{fresh}"), self._vault)) as store:
            schema.prepare(store.engine, store.vault, asked=True)
            aftermath = _finish(store, manifest, today, self._routes)
        archive.sync(fresh)
        aside = self._move_aside(mark)
        fresh.replace(self._file)
        archive.sync_folder(self._file.parent)
        return Restored(manifest, aftermath, aside)

    def _move_aside(self, mark: str) -> str | None:
        if not self._file.exists():
            return None
        aside = self._file.with_name(f"{self._file.stem}.{_ASIDE.replace('_', '-')}{mark}{self._file.suffix}")
        for suffix in ("-wal", "-shm", ""):
            part = self._file.with_name(self._file.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        return str(aside)

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()


class _Postgres:
    def __init__(self, url: str, vault: Vault, routes: Routes) -> None:
        self._store = Store(open_engine(url), vault)
        self._routes = routes

    @property
    def _name(self) -> str:
        return self._store.engine.url.render_as_string()

    def look(self, *, replace: bool) -> Today | None:
        others = self._store.read(lambda tx: _others(tx.connection))
        if others:
            raise OccupiedError(self._name, f"{others} other connection(s) to it are open: stop the hub first")
        return _today(self._store, replace=replace, name=self._name)

    def fill(self, path: Path, today: Today | None, mark: str) -> Restored:
        with tempfile.TemporaryDirectory(prefix="tocsin-restore-") as folder:
            dump = Path(folder) / archive.DATABASE
            manifest = archive.extract(path, dump)
            aside = self._move_aside(f"{_ASIDE}{mark.lower()}")
            postgres.restore(self._store.engine, dump)
        schema.prepare(self._store.engine, self._store.vault, asked=True, unfinished=True)
        return Restored(manifest, _finish(self._store, manifest, today, self._routes), aside)

    def _move_aside(self, schema_name: str) -> str | None:
        """In one transaction: the present tables out of the way, and the marker set."""
        with self._store.engine.begin() as connection:
            tables = set(inspect(connection).get_table_names()) - {schema.UNFINISHED}
            if tables:
                connection.execute(text(f"CREATE SCHEMA {schema_name}"))
            for table in sorted(tables):
                connection.execute(text(f'ALTER TABLE "{table}" SET SCHEMA {schema_name}'))
            connection.execute(text(f"CREATE TABLE IF NOT EXISTS {schema.UNFINISHED} ()"))
        return f"schema {schema_name}" if tables else None

    def close(self) -> None:
        self._store.close()


def _others(connection: Connection) -> int:
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return int(connection.execute(text(f"{ours} AND backend_type = 'client backend'")).scalar_one())
