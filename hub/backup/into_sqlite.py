"""Restoring into a SQLite file: made ready beside it, what is there linked aside, then replaced in one step."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.backup import archive
from hub.backup.target import ASIDE, OccupiedError, Restored, finish, readable, today_in
from hub.store import schema
from hub.store.store import Store, open_engine
from tocsin.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.backup.manifest import Manifest
    from hub.cases.carrying import Today
    from hub.cases.desk import Routes
    from hub.cases.restoring import Aftermath
    from hub.store.vault import Vault

_LOGS: Final = ("-wal", "-shm")


class Sqlite:
    """See :class:`hub.backup.target.Target`."""

    def __init__(self, url: str, vault: Vault, routes: Routes) -> None:
        self._file = Path(url.partition(":///")[2])
        self._fresh = self._file.with_name(f".{self._file.name}.restoring")
        self._marker = schema.marker_of(self._file)
        self._vault = vault
        self._routes = routes
        self._lock: sqlite3.Connection | None = None

    def look(self, *, replace: bool) -> Today | None:
        before = self._marked()
        if before is not None:
            today = self._in_aside(before)
            self._keep_others_out()
            return today
        if not self._file.exists():
            return None
        self._keep_others_out()
        return self._in_place(replace=replace)

    def _marked(self) -> Path | None:
        """Where a restore that was interrupted put what was there."""
        if not self._marker.exists():
            return None
        return self._file.with_name(self._marker.read_text("utf-8").strip())

    def _in_aside(self, aside: Path) -> Today | None:
        try:
            with closing(sqlite3.connect(aside)) as present, self._copied(present) as copy:
                return readable(copy)
        except sqlite3.Error:
            return None

    def _in_place(self, *, replace: bool) -> Today | None:
        assert self._lock is not None  # noqa: S101 - others are kept out
        try:
            with self._copied(self._lock) as copy:
                return today_in(copy, replace=replace, name=str(self._file))
        except sqlite3.Error as damaged:
            if replace:
                return None
            raise OccupiedError(self._file, f"can't be read ({damaged}); with --replace it is moved aside") from None

    @contextmanager
    def _copied(self, present: sqlite3.Connection) -> Iterator[Store]:
        with tempfile.TemporaryDirectory(prefix=".tocsin-look-", dir=self._file.parent) as folder:
            copy = Path(folder) / "copy.db"
            with closing(sqlite3.connect(copy)) as target:
                present.backup(target)
            with closing(Store(open_engine(f"sqlite:///{copy}"), self._vault)) as store:
                yield store

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

    def fill(self, path: Path, today: Today | None, mark: str) -> Restored:
        manifest, aftermath = self._make_ready(path, today)
        aside = self._marked() or self._put_aside(mark)
        if aside is not None:
            self._mark(aside)
        self._replace()
        return Restored(manifest, aftermath, None if aside is None else str(aside))

    def _make_ready(self, path: Path, today: Today | None) -> tuple[Manifest, Aftermath]:
        for suffix in ("", *_LOGS):
            _beside(self._fresh, suffix).unlink(missing_ok=True)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        manifest = archive.extract(path, self._fresh)
        with closing(Store(open_engine(f"sqlite:///{self._fresh}"), self._vault)) as store:
            schema.prepare(store.engine, store.vault, asked=True)
            aftermath = finish(store, manifest, today, self._routes)
        archive.sync(self._fresh)
        return manifest, aftermath

    def _put_aside(self, mark: str) -> Path | None:
        """A second name for what is there, which keeps the first one until it is replaced."""
        if not self._file.exists():
            return None
        self._settle()
        aside = self._file.with_name(f"{self._file.stem}.{ASIDE.replace('_', '-')}{mark}{self._file.suffix}")
        for suffix in ("", *_LOGS):
            if _beside(self._file, suffix).exists():
                _link(_beside(self._file, suffix), _beside(aside, suffix))
        sync_folder(self._file.parent)
        return aside

    def _settle(self) -> None:
        """Everything into the one file. A damaged one keeps its logs; they are put aside with it."""
        if self._lock is not None:
            with suppress(sqlite3.Error):
                self._lock.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._lock.execute("PRAGMA journal_mode = DELETE").fetchall()

    def _mark(self, aside: Path) -> None:
        """From now on no hub starts on it."""
        with self._marker.open("w", encoding="utf-8") as file:
            file.write(f"{aside.name}\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._file.parent)

    def _replace(self) -> None:
        """A log of the former database must be gone before: it would be read into the new one."""
        for suffix in _LOGS:
            _beside(self._file, suffix).unlink(missing_ok=True)
        sync_folder(self._file.parent)
        self._fresh.replace(self._file)
        sync_folder(self._file.parent)
        self._marker.unlink(missing_ok=True)
        sync_folder(self._file.parent)

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _link(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError:  # a file system without such names
        shutil.copy2(path, other)
        archive.sync(other)
