"""One way to write and one way to read, on SQLite and PostgreSQL alike.

On SQLite a single thread writes, every transaction begins with BEGIN IMMEDIATE, alarms overtake in its queue, and
nothing is committed before it is on the disk. On PostgreSQL each call has a connection of its own, and is tried again
when the database asks for it.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
import uuid
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, Select, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from hub.store.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hub.store.vault import Vault

Result = TypeVar("Result")
_TRIES: Final = 5
_ALONE_MS: Final = 30_000
_LOCKED: Final = "55P03"
_RETRYABLE: Final = frozenset({"40001", "40P01", "23505"})
"""SQLSTATE of serialisation failure, deadlock and unique violation: another replica was faster; look again."""


POOL: Final = 10
"""Connections that are kept; as many again when they are needed."""
_PREPARE: Final = "prepare_threshold"
_PATIENCE: Final[Mapping[str, int]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""With a database that is gone without a word, in seconds and (the last) milliseconds: another may be in its place."""
_PATIENT: Final = text("SELECT set_config('idle_in_transaction_session_timeout', :ms, true)")


class Clock(Protocol):
    """Where the time comes from when it is not the database's own."""

    def now(self) -> datetime: ...


class HostClock:
    """The clock of this machine: SQLite's is no other."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Rank(IntEnum):
    """Who goes first when several want to write."""

    ALARM = 0
    ACTION = 1
    DEADLINE = 2
    ROUTINE = 3


class StoreUnavailableError(Exception):
    """The database can't be reached or does not answer; nothing was written.

    Attributes:
        cause: what the driver said.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(f"the database is not available: {cause}")
        self.cause = cause


class BusyError(Exception):
    """Somebody else has locked what this transaction wants, and it must not wait for it. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction in progress.

    Attributes:
        unit: what it has read ahead, and has still to write.
        now: the database's time, the same for the whole transaction.
        new_id: makes ids that nobody else makes.
        vault: seals and opens what must not be readable in the database.
        writes: False in a read, where rows are not locked.
        waits: False where a row that somebody else has locked raises :class:`BusyError` instead.
    """

    unit: Unit
    now: datetime
    new_id: Callable[[], str]
    vault: Vault
    writes: bool
    waits: bool = True

    @property
    def connection(self) -> Connection:
        """To execute on; see :attr:`hub.store.unit.Unit.connection`."""
        return self.unit.connection

    def lock(self, statement: Select[Any]) -> Select[Any]:
        """``statement``, its rows kept from other replicas until this transaction ends."""
        return statement.with_for_update(nowait=not self.waits) if self.writes else statement


def random_id() -> str:
    return uuid.uuid4().hex[:20]


def open_engine(url: str, application: str = "tocsin") -> Engine:
    """An engine for ``sqlite:///file`` or ``postgresql+psycopg://…``, set so that a commit is a commit.

    Args:
        url: of the database.
        application: the name under which PostgreSQL lists its connections.
    """
    if url.startswith("sqlite"):
        _make_private(make_url(url).database)
        return as_needed(create_engine(url, connect_args={"check_same_thread": False, "timeout": 30}))
    return _open_postgres(make_url(url), application)


def _open_postgres(url: URL, application: str) -> Engine:
    """What the URL says of the connection wins; ``prepare_threshold=none`` is for a pooler between the two."""
    given: dict[str, Any] = {name: value for name, value in _PATIENCE.items() if name not in url.query}
    given["application_name"] = application
    if url.query.get(_PREPARE) == "none":
        url = url.difference_update_query([_PREPARE])
        given[_PREPARE] = None
    return create_engine(url, pool_size=POOL, max_overflow=POOL, pool_pre_ping=True, connect_args=given)


def as_needed(engine: Engine) -> Engine:
    """An engine of SQLite whose transactions begin and end as they must."""
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _make_private(path: str | None) -> None:
    """A new file is for its owner only, whatever the umask; SQLite gives those beside it the same mode."""
    if path and path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # SQLite says better what is wrong
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    mode = "DEFERRED" if connection.get_execution_options().get("reading") else "IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN {mode}")


class Store:
    """The database of one hub.

    Args:
        engine: from :func:`open_engine`.
        vault: of the keys that are kept outside it.
        clock: None = the database's own (the host's on SQLite).
        new_id: makes ids.
        inline: write in the caller's thread, which then must be the only one that uses this.
    """

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        *,
        clock: Clock | None = None,
        new_id: Callable[[], str] = random_id,
        inline: bool = False,
    ) -> None:
        self.engine = engine
        self.vault = vault
        self._clock = clock if clock is not None or not self.is_sqlite else HostClock()
        self._new_id = new_id
        self._writer = _Writer(self._commit) if self.is_sqlite and not inline else None

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def write(self, work: Callable[[Tx], Result], *, rank: Rank = Rank.ACTION, waits: bool = True) -> Result:
        """Run ``work`` in one transaction, durable when this returns. It may run more than once: no side effects.

        Args:
            work: what to do.
            rank: who goes first on SQLite, where one writes at a time.
            waits: False for who already holds a lock that others take last, and so must not wait for theirs.

        Raises:
            StoreUnavailableError: the database does not answer; nothing was written.
            BusyError: something it needs is locked, and ``waits`` is False.
        """
        if self._writer is not None:
            return self._writer.run(work, rank)
        return self._commit(work, waits=waits)

    def read(self, work: Callable[[Tx], Result]) -> Result:
        """Run ``work`` without a lock; what it writes is thrown away."""
        try:
            with self.engine.connect().execution_options(reading=True) as connection:
                return work(self._tx(connection, writes=False))
        except OperationalError as failure:
            raise StoreUnavailableError(str(failure.orig)) from failure

    @contextmanager
    def alone(self, number: int) -> Iterator[None]:
        """Nobody else is in here with this number, in any replica, or this one hangs for half a minute.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if self.is_sqlite:
            yield
            return
        try:
            with self.engine.begin() as connection:
                connection.execute(_PATIENT, {"ms": str(_ALONE_MS)})
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
                yield
        except OperationalError as failure:
            raise StoreUnavailableError(str(failure.orig)) from failure

    def close(self) -> None:
        if self._writer is not None:
            self._writer.stop()
        self.engine.dispose()

    def _commit(self, work: Callable[[Tx], Result], *, waits: bool = True) -> Result:
        for attempt in itertools.count(1):
            try:
                with self.engine.begin() as connection:
                    tx = self._tx(connection, writes=True, waits=waits)
                    result = work(tx)
                    tx.unit.settle()
                    return result
            except DBAPIError as failure:
                if attempt == _TRIES or not _may_retry(failure):
                    _raise(failure)
        raise AssertionError  # pragma: no cover - itertools.count has no end

    def _tx(self, connection: Connection, *, writes: bool, waits: bool = True) -> Tx:
        unit = Unit(connection, writes=writes, waits=waits)
        if self._clock is not None:
            return Tx(unit, self._clock.now(), self._new_id, self.vault, writes, waits)
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return Tx(unit, now.astimezone(UTC), self._new_id, self.vault, writes, waits)


def _may_retry(failure: DBAPIError) -> bool:
    return getattr(failure.orig, "sqlstate", None) in _RETRYABLE or failure.connection_invalidated


def _raise(failure: DBAPIError) -> None:
    if getattr(failure.orig, "sqlstate", None) == _LOCKED:
        raise BusyError from failure
    if isinstance(failure, OperationalError):
        raise StoreUnavailableError(str(failure.orig)) from failure
    raise failure


class _Writer:
    """The one thread that writes to SQLite; alarms first, then in order of arrival."""

    def __init__(self, commit: Callable[[Callable[[Tx], Any]], Any]) -> None:
        self._commit = commit
        self._order = itertools.count()
        self._queue: queue.PriorityQueue[tuple[int, int, _Job | None]] = queue.PriorityQueue()
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[Tx], Result], rank: Rank) -> Result:
        job = _Job(work, Future())
        self._queue.put((rank, next(self._order), job))
        result: Result = job.future.result()
        return result

    def stop(self) -> None:
        self._queue.put((len(Rank), next(self._order), None))
        self._thread.join()

    def _loop(self) -> None:
        while (job := self._queue.get()[2]) is not None:
            try:
                job.future.set_result(self._commit(job.work))
            except BaseException as failure:  # noqa: BLE001 - it is raised in the thread that asked
                job.future.set_exception(failure)


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Tx], Any]
    future: Future[Any]
