"""The outbox's file: one SQLite database, WAL, every commit synced to the disk.

The lock is exclusive. It keeps a second gateway off the same file, and SQLite then needs no shared-memory file, which
on a full disk could end the process with a bus error.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import structlog

from gateway.domain.hearing import KNOWN_MAX
from gateway.domain.outgoing import Rank
from gateway.outbox import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from gateway.domain.outgoing import Outgoing

    Connect = Callable[..., sqlite3.Connection]

log = structlog.get_logger()

PAGE_SIZE: Final = 4096
LOG_PAGES: Final = 64
"""The log is folded into the file at this size, so that the ballast (four times as much) always has room for it."""
_LOCK_WAIT_S: Final = 0.5
_PIECE: Final = 16
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY,
    rank INTEGER NOT NULL,
    payload BLOB NOT NULL,
    received_at TEXT NOT NULL,
    device TEXT,
    receipted_at REAL
);
CREATE TABLE IF NOT EXISTS known (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    event TEXT NOT NULL,
    UNIQUE (device, event)
);
CREATE TABLE IF NOT EXISTS replayed (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_ADD: Final = """
INSERT INTO events (id, rank, payload, received_at, device) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, received_at = excluded.received_at, receipted_at = NULL
"""
_PENDING: Final = f"SELECT {rows.COLUMNS}, id IN (SELECT id FROM replayed) FROM events WHERE receipted_at IS NULL"  # noqa: S608 - our own words
_SALVAGED: Final = f"SELECT {rows.COLUMNS}, 0 FROM events NOT INDEXED WHERE receipted_at IS NULL"  # noqa: S608 - as above
_RESTORED: Final = "hub restored"
_TRIM_KNOWN: Final = """
DELETE FROM known WHERE device = ?1 AND number <= (
    SELECT number FROM known WHERE device = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
"""


class OutboxBusyError(Exception):
    """Another program has this outbox open.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another gateway is using this outbox")
        self.path = path


class Database:
    """The statements of an open outbox file. Each method is one transaction and may raise ``sqlite3.Error``."""

    def __init__(self, path: Path, *, max_pages: int, connect: Connect = sqlite3.connect) -> None:
        self._max_pages = max_pages
        self._connection = _connect(path, connect)
        self.limit()

    def limit(self) -> None:
        """Let the file grow to its usual size only (or stay as large as it is)."""
        self._connection.execute(f"PRAGMA max_page_count = {self._max_pages}")

    def unlimit(self) -> None:
        """Let the file grow as far as the disk goes: an alarm is worth it."""
        self._connection.execute("PRAGMA max_page_count = 4294967294")

    def add(self, events: Sequence[Outgoing]) -> None:
        """Keep these events, and that their devices' keys were published."""
        added = [(each.id, each.rank, each.payload, each.received.isoformat(), each.device) for each in events]
        known = [(each.device, each.id) for each in events if each.device is not None]
        with self._connection:
            self._connection.executemany(_ADD, added)
            self._connection.executemany("INSERT OR REPLACE INTO known (device, event) VALUES (?, ?)", known)
            self._connection.executemany(_TRIM_KNOWN, [(device, KNOWN_MAX) for device in {row[0] for row in known}])

    def receipt(self, events: Iterable[str], *, at: float) -> None:
        """The hub has these. What is part of an alarm's story is kept for a restore of the hub, the rest is not."""
        ids = list(events)
        with self._connection:
            self._connection.executemany(
                "DELETE FROM events WHERE id = ? AND rank > ?", [(event, Rank.CANCEL) for event in ids]
            )
            self._connection.executemany(
                "UPDATE events SET receipted_at = ? WHERE id = ?", [(at, event) for event in ids]
            )
            self._connection.executemany("DELETE FROM replayed WHERE id = ?", [(event,) for event in ids])

    def restored(self) -> int:
        """The newest restore of the hub after which everything kept was offered again; 0 = none."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (_RESTORED,)).fetchone()
        return row[0] if row is not None and isinstance(row[0], int) else 0

    def replay(self, restored: int) -> None:
        """Everything kept waits for a receipt again, because of this restore."""
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (_RESTORED, restored))
            self._connection.execute(
                "INSERT OR IGNORE INTO replayed (id) SELECT id FROM events WHERE receipted_at IS NOT NULL"
            )
            self._connection.execute("UPDATE events SET receipted_at = NULL WHERE receipted_at IS NOT NULL")

    def purge(self, *, receipted_before: float) -> int:
        return self._delete("receipted_at < ?", receipted_before)

    def shed_receipted(self) -> int:
        return self._delete("receipted_at IS NOT NULL")

    def shed_notices(self) -> int:
        return self._delete("rank = ?", Rank.NOTICE)

    def fold(self) -> None:
        """Write the log back into the file. The log keeps its room and is used again from its beginning."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def pending(self, *, now: datetime, problems: list[str]) -> Iterator[Outgoing]:
        """Events without a receipt, oldest first. The arguments are those of :func:`gateway.outbox.rows.read`."""
        yield from rows.read(self._connection.execute(f"{_PENDING} ORDER BY rowid"), now=now, problems=problems)

    def known(self) -> dict[str, list[str]]:
        """Ids of events published, oldest first, by device."""
        found: dict[str, list[str]] = {}
        for device, event in self._connection.execute("SELECT device, event FROM known ORDER BY number"):
            if isinstance(device, str) and isinstance(event, str):  # otherwise damaged: its event is published anew
                found.setdefault(device, []).append(event)
        return found

    def close(self) -> None:
        self._connection.close()

    def _delete(self, where: str, *values: float) -> int:
        """In pieces, each folded, since on a full disk the log of the deletion has little room itself."""
        some = f"DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE {where} LIMIT {_PIECE})"  # noqa: S608 - our own words
        deleted, piece = 0, _PIECE
        while piece == _PIECE:
            with self._connection:
                piece = self._connection.execute(some, values).rowcount
            self.fold()
            deleted += piece
        return deleted


def is_broken(error: sqlite3.Error) -> bool:
    """The file itself is damaged, as opposed to a full or failing disk."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _BROKEN


def open_database(path: Path, *, max_pages: int, connect: Connect = sqlite3.connect) -> Database:
    """Open or make the file, and read it through.

    Raises:
        OutboxBusyError: another program has it.
        sqlite3.Error: damaged (see :func:`is_broken`), or the disk fails.
    """
    try:
        return Database(path, max_pages=max_pages, connect=connect)
    except sqlite3.OperationalError as error:
        if (error.sqlite_errorcode & 0xFF) in _BUSY:
            raise OutboxBusyError(path) from error
        raise


def move_aside(path: Path, *, now: datetime) -> tuple[Path, list[Outgoing]]:
    """Put a damaged file where it can be looked at; also the events that could still be read from it."""
    saved = _salvage(path, now)
    aside = path.with_name(f"{path.stem}.damaged-{now:%Y%m%dT%H%M%S.%f}{path.suffix}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside, saved


def _connect(path: Path, connect: Connect) -> sqlite3.Connection:
    connection = connect(path, timeout=_LOCK_WAIT_S, check_same_thread=False)
    connection.text_factory = _text
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    connection.execute("BEGIN IMMEDIATE")  # takes the lock
    connection.execute("ROLLBACK")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    connection.executescript(_SCHEMA)


def _salvage(path: Path, now: datetime) -> list[Outgoing]:
    saved: list[Outgoing] = []
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_LOCK_WAIT_S)
        with closing(connection):
            connection.text_factory = _text
            for event in rows.read(connection.execute(_SALVAGED), now=now, problems=[]):
                saved.append(event)  # noqa: PERF402 - what was read before the damage is kept
    except sqlite3.Error as error:
        log.warning("damaged outbox can't be read to its end", path=str(path), saved=len(saved), error=str(error))
    return saved


def _text(value: bytes) -> str:
    """Damaged text is still text: one bad byte must not end the reading of all rows."""
    return value.decode(errors="replace")
