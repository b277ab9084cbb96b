"""Disks: real SQLite, where a process dies between two statements and a disk is full when the world says so."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from hub.store import schema
from hub.store.store import as_needed
from hub.store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from simulator.explore.fate import Fate

VAULT_KEY: Final = bytes(range(32))
_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_LIMIT: Final = "PRAGMA max_page_count"
_ROOM: Final = 1_000_000


class _Cursor(sqlite3.Cursor):
    """Every statement that writes is a point at which its process may die."""

    connection: MortalConnection

    def execute(self, sql: str, parameters: Any = (), /) -> _Cursor:  # noqa: ANN401 - sqlite3's own
        self.connection.touch(sql)
        super().execute(self.connection.bounded(sql), parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> _Cursor:
        self.connection.touch(sql)
        super().executemany(sql, parameters)
        return self


class MortalConnection(sqlite3.Connection):
    """A connection to a disk.

    Attributes:
        fate: of the process that has it open.
        committed: called after each commit of something written.
        outlives: what is on it stays when a process closes it.
    """

    fate: Fate
    committed: Callable[[], None] = staticmethod(lambda: None)
    outlives = False
    _wrote = False
    _full = False
    _refuses = False

    def __init__(self, *where: Any, **how: Any) -> None:  # noqa: ANN401 - sqlite3's own
        super().__init__(*where, **how)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, factory: Any = _Cursor) -> Any:  # noqa: ANN401 - sqlite3's own
        made = super().cursor(factory)
        self._cursors.add(made)
        return made

    def execute(self, sql: str, parameters: Any = (), /) -> Any:  # noqa: ANN401 - sqlite3's own
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:  # noqa: ANN401 - sqlite3's own
        return self.cursor().executemany(sql, parameters)

    def touch(self, sql: str) -> None:
        if sql.lstrip().startswith(_WRITES):
            if self._refuses:
                raise sqlite3.OperationalError("database or disk is full")
            self._wrote = True
            self.fate.point(" ".join(sql.split()[:3]).lower())

    def bounded(self, sql: str) -> str:
        """On a full disk nobody makes room by asking for it."""
        return f"{_LIMIT} = {self._pages()}" if self._full and sql.startswith(_LIMIT) else sql

    def fill(self, *, full: bool, utterly: bool = False) -> None:
        """A full disk has room in the pages that there are, unless it is ``utterly`` full."""
        self._full, self._refuses = full, full and utterly
        super().cursor().execute(f"{_LIMIT} = {self._pages() if full else _ROOM}")

    def _pages(self) -> int:
        return max(1, int(super().cursor().execute("PRAGMA page_count").fetchone()[0]))

    def look(self, sql: str, *values: object) -> list[Any]:
        """For onlookers: no process is concerned."""
        return super().cursor().execute(sql, values).fetchall()

    def commit(self) -> None:
        wrote, self._wrote = self._wrote, False
        if not wrote:
            super().commit()
            return
        self.fate.point("commit")
        super().commit()
        self.committed()
        self.fate.point("after commit")

    def rollback(self) -> None:
        self._wrote = False
        super().rollback()

    def close(self) -> None:
        if self.outlives:
            self.rollback()
        else:
            for cursor in list(self._cursors):  # one in the middle of its rows would keep the lock
                cursor.close()
            super().close()

    def __exit__(self, kind: object, error: object, where: object) -> Any:  # noqa: ANN401 - sqlite3's own
        if kind is None:
            self.commit()
        else:
            self.rollback()
        return False


class HubDisk:
    """The hub's database, in memory, copied from one that was prepared once. It survives whoever uses it."""

    def __init__(self, fate: Fate, committed: Callable[[], None]) -> None:
        self.connection = sqlite3.connect(
            ":memory:", check_same_thread=False, factory=MortalConnection, cached_statements=512
        )
        self.connection.deserialize(_template())
        self.connection.fate = fate
        self.connection.committed = committed
        self.connection.outlives = True
        _inserted[:] = [self.connection]
        self.engine = _engine()
        self.engine.dispose()

    def close(self) -> None:
        self.engine.dispose()
        self.connection.outlives = False
        self.connection.close()


_inserted: list[MortalConnection] = []


@cache
def _engine() -> Engine:
    """One for all worlds: compiling its statements anew would take longer than a world does."""
    return as_needed(create_engine("sqlite://", poolclass=StaticPool, creator=lambda: _inserted[0]))


@cache
def _template() -> bytes:
    engine = as_needed(create_engine("sqlite://", poolclass=StaticPool))
    schema.prepare(engine, Vault([VAULT_KEY]))
    connection: Any = engine.raw_connection().driver_connection
    prepared: bytes = connection.serialize()
    engine.dispose()
    return prepared


def instant(text: str | None) -> datetime | None:
    """A time as SQLite keeps it."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
