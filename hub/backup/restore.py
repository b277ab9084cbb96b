"""Putting a backup in the place of the hub's database; what was there is moved aside, never lost.

Everything is checked and made ready first. From the first change to the last a marker says that a restore is
unfinished, and where the former database is: no hub starts meanwhile, and a restore that is run again reads there who
may come in. Interrupted at any point, it is run again.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from hub.backup import archive
from hub.backup.into_postgres import Postgres
from hub.backup.into_sqlite import Sqlite
from hub.backup.manifest import BackupError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hub.backup.target import Restored, Target
    from hub.cases.desk import Routes
    from hub.store.vault import Vault


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
    work: Target = Sqlite(url, vault, routes) if kind == "sqlite" else Postgres(url, vault, routes)
    with closing(work):
        today = work.look(replace=replace)
        return work.fill(path, today, f"{now:%Y%m%dT%H%M%S_%f}")
