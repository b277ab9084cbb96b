"""Whether a backup would do: unpacked, brought to today's tables, its journal and its secrets read through."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from hub.backup import archive, inventory, loading, seals
from hub.backup.manifest import BackupError
from hub.store import journal, schema
from hub.store.store import Store, open_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.backup.manifest import Manifest
    from hub.store.vault import Vault

_MOST: Final = 10
"""Problems of one kind that are named."""


def check(path: Path, vault: Vault) -> tuple[Manifest, list[str]]:
    """What the backup says of itself, and everything that is wrong with it, in words.

    Raises:
        BackupError: it can't be read, or is not what was written.
    """
    with tempfile.TemporaryDirectory(prefix="tocsin-check-") as folder, _opened(path, Path(folder), vault) as found:
        manifest, store = found
        problems = [*_differences(manifest, store)]
        try:
            schema.prepare(store.engine, store.vault, asked=True)
            problems += _first(f"journal: {each.organisation} {each.chain} entry {each.number}: {each.what}"
                               for each in store.read(lambda tx: list(journal.verify(tx))))  # fmt: skip
            problems += _first(store.read(lambda tx: list(seals.unopened(tx))))
        except SQLAlchemyError as failure:
            problems.append(f"can't be brought to this version's tables: {failure}")
        return manifest, problems


def _first(problems: Iterator[str] | list[str]) -> list[str]:
    found = list(problems)
    more = [f"… and {len(found) - _MOST} more like this"] if len(found) > _MOST else []
    return found[:_MOST] + more


def _differences(manifest: Manifest, store: Store) -> Iterator[str]:
    found = store.read(inventory.take)
    if found.rows != manifest.rows:
        yield "it does not hold the rows that its manifest counts"
    if found.journal != manifest.journal:
        yield "its journal does not end where its manifest says"


@contextmanager
def _opened(path: Path, folder: Path, vault: Vault) -> Iterator[tuple[Manifest, Store]]:
    """The database of a backup as a SQLite file."""
    database = folder / archive.DATABASE
    manifest = archive.extract(path, database)
    if manifest.revision not in schema.known_revisions():
        raise BackupError(path, f"was made by a newer version ({manifest.version}): use that one")
    file = database if manifest.database == "sqlite" else folder / "loaded.db"
    with closing(Store(open_engine(f"sqlite:///{file}"), vault)) as store:
        try:
            if manifest.database == "postgresql":
                loading.load(database, store.engine, manifest.revision)
            yield manifest, store
        except SQLAlchemyError as failure:
            raise BackupError(path, f"its database can't be read: {failure}") from failure
