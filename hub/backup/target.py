"""What restoring into SQLite and into PostgreSQL have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from hub.backup.manifest import BackupError
from hub.cases import carrying, restoring
from hub.cases.desk import Desk
from hub.store import directory, schema
from hub.store.store import Store, StoreUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from hub.backup.manifest import Manifest
    from hub.cases.carrying import Today
    from hub.cases.desk import Routes
    from hub.cases.restoring import Aftermath
    from hub.store.store import Tx

ASIDE: Final = "before_restore_"


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


class Target(Protocol):
    """A database that is restored into. Interrupted at any point, :meth:`look` and :meth:`fill` are called again."""

    def look(self, *, replace: bool) -> Today | None:
        """What is there; nothing is changed. Of a restore that was interrupted: what was there before it.

        Raises:
            OccupiedError: it may not be restored into.
            BackupError: a program that is needed is missing.
        """

    def fill(self, path: Path, today: Today | None, mark: str) -> Restored:
        """Put the backup there; ``mark`` names what is moved aside.

        Raises:
            BackupError: it can't be.
        """

    def close(self) -> None: ...


def today_in(store: Store, *, replace: bool, name: str) -> Today | None:
    """Of the database that is replaced; None when there is nothing in it, or nothing that can be read.

    Raises:
        OccupiedError: there is something in it, and it is not to be replaced.
    """
    try:
        if not inspect(store.engine).has_table("organisations") or not store.read(directory.all_organisations):
            return None
    except (SQLAlchemyError, StoreUnavailableError):
        pass  # damaged, or of another revision: nothing is known of it but that it is there
    if not replace:
        raise OccupiedError(name, "there is a hub's data in it already; with --replace it is moved aside")
    return readable(store)


def readable(store: Store) -> Today | None:
    """What can be carried on from it; None when it can't be read."""
    try:
        return store.read(carrying.read)
    except (SQLAlchemyError, StoreUnavailableError):
        return None


def finish(store: Store, manifest: Manifest, today: Today | None, routes: Routes) -> Aftermath:
    """Make it today's, and take the marker away."""

    def work(tx: Tx) -> Aftermath:
        found = restoring.restored(Desk(tx, routes), manifest.taken_at, today)
        tx.connection.execute(text(f"DROP TABLE IF EXISTS {schema.UNFINISHED}"))
        return found

    return store.write(work)
