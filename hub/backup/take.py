"""Taking a backup of the running hub's database: one consistent moment, nobody held up."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from hub.backup import archive, inventory, postgres
from hub.backup.manifest import BackupError, Manifest
from hub.store.store import Store, Tx, open_engine, random_id
from hub.store.unit import Unit
from tocsin import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hub.backup.inventory import Inventory


def backup(store: Store, path: Path) -> Manifest:
    """Write a backup of ``store`` to ``path``.

    Raises:
        BackupError: it can't be made; what was at ``path`` is still there.
        StoreUnavailableError: the database does not answer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tocsin-backup-", dir=path.parent) as folder:
        database = Path(folder) / "database"
        found, at = _copy_sqlite(store, database) if store.is_sqlite else _dump(store, database)
        manifest = _manifest(store, found, at, database)
        archive.write(path, manifest, found.heads, database)
    return manifest


def _manifest(store: Store, found: Inventory, at: datetime, database: Path) -> Manifest:
    if found.revision is None:
        raise BackupError(store.engine.url.render_as_string(), "there is nothing in it yet")
    return Manifest(
        version=__version__,
        database="sqlite" if store.is_sqlite else "postgresql",
        revision=found.revision,
        taken_at=at,
        restore=found.restore,
        rows=found.rows,
        journal=found.journal,
        sealed_under=found.sealed_under,
        sha256=archive.sum_of(database),
        size=database.stat().st_size,
    )


def _copy_sqlite(store: Store, target: Path) -> tuple[Inventory, datetime]:
    """SQLite's online backup: one read transaction, beside which the hub goes on writing."""
    at = store.read(lambda tx: tx.now)
    copy_file(file_of(store), target)
    with reading(target, store) as copy:
        return copy.read(inventory.take), at


def copy_file(source: Path, target: Path) -> None:
    """A whole SQLite database into one file.

    Raises:
        BackupError: it can't be read, or the disk is full.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as present,
            closing(sqlite3.connect(target)) as copy,
        ):
            present.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as failure:
        raise BackupError(source, f"can't be copied: {failure}") from failure


def file_of(store: Store) -> Path:
    return Path(str(store.engine.url.database))


@contextmanager
def reading(file: Path, like: Store) -> Iterator[Store]:
    """A store over another SQLite file, with the same keys and time."""
    with closing(Store(open_engine(f"sqlite:///{file}"), like.vault)) as store:
        yield store


def _dump(store: Store, target: Path) -> tuple[Inventory, datetime]:
    """The dump and the inventory see the same snapshot."""
    with store.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        at: datetime = connection.execute(text("SELECT now()")).scalar_one()
        found = inventory.take(Tx(Unit(connection, writes=False), at, random_id, store.vault, writes=False))
        postgres.dump(store.engine, snapshot, schema, target)
        return found, at
