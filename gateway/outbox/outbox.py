"""Events until the hub's receipt.

Everything unreceipted is in memory, so a dying disk stops nothing; the file is there for the next start. A new alarm is
always taken: when it can't be written, receipted rows go first, then ballast and waiting notices, then the size limit,
and when nothing helps it stays in memory, is sent all the same, and this is said.

How often an event was sent and when it is due next is not in the file: after a start everything is due at once, and a
synced write per attempt would wear out a memory card.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from gateway.domain.outgoing import Outgoing, Rank
from gateway.outbox.ballast import Ballast
from gateway.outbox.database import PAGE_SIZE, Database, OutboxBusyError, is_broken, move_aside, open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from gateway.domain.moment import Moment
    from gateway.outbox.database import Connect

log = structlog.get_logger()

KEPT_FOR: Final = timedelta(days=7)
PENDING_MAX: Final = 20_000
"""With so many events waiting, a further notice is dropped, and counted. Alarms never are."""
HEARD_MAX: Final = 10_000
"""Of so many receipted events it is remembered when they were heard, by this run's ticks."""
_PURGE_EVERY_S: Final = 3600.0
_REPAIR_EVERY_S: Final = 60.0
_SAY_EVERY_S: Final = 600.0


class Outbox:
    """The outbox in ``directory``; ``connect`` opens its file.

    Raises:
        OutboxBusyError: another program has it open.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_mb: float,
        now: Moment,
        ballast: int | None = None,
        connect: Connect = sqlite3.connect,
    ) -> None:
        self._connect = connect
        self._path = directory / "outbox.db"
        self._max_pages = max(8, int(max_mb * 1024 * 1024 / PAGE_SIZE))
        self._ballast = Ballast(directory / "outbox.ballast", **({} if ballast is None else {"size": ballast}))
        self._pending: dict[str, Outgoing] = {}
        self._unstored: dict[str, Outgoing] = {}
        self._found: list[Outgoing] = []
        self._database: Database | None = None
        self._repair_at = self._purge_at = now.ticks
        self._said: dict[str, float] = {}
        self._sayings: list[str] = []
        self._restored = 0
        self._heard: dict[str, float] = {}
        self.shed = 0
        self.failures: Counter[str] = Counter()
        self._open(now)

    @property
    def depth(self) -> int:
        return len(self._pending)

    @property
    def unstored(self) -> int:
        """Events that are in memory only."""
        return len(self._unstored)

    def is_unstored(self, event: str) -> bool:
        """In memory only."""
        return event in self._unstored

    def found(self) -> list[Outgoing]:
        """Events of an earlier run that were read from the disk since the last call: it may be there late."""
        found, self._found = self._found, []
        return found

    def pending(self) -> Iterator[Outgoing]:
        yield from self._pending.values()

    def known(self) -> dict[str, list[str]]:
        """Ids of events published before, oldest first, by device."""
        if self._database is None:
            return {}
        try:
            return self._database.known()
        except sqlite3.Error as error:
            self._note(error)
            return {}

    def get(self, event: str) -> Outgoing | None:
        return self._pending.get(event)

    def hold(self, event: Outgoing) -> bool:
        """Take an event; it is written with the next :meth:`flush`. False: a notice too many."""
        if event.rank is Rank.NOTICE and len(self._pending) >= PENDING_MAX:
            self.shed += 1
            return False
        self._pending[event.id] = self._unstored[event.id] = event
        self._repair_at = float("-inf")
        return True

    def flush(self, now: Moment) -> None:
        """Write what was taken, in one synced transaction."""
        if self._unstored and now.ticks >= self._repair_at:
            self._flush(now)
        if now.ticks >= self._purge_at:
            self._purge(now)

    def receipted(self, events: Iterable[str], now: Moment) -> None:
        """The hub has committed these."""
        ids = list(events)
        for event in ids:
            self._forget(event)
        error = self._try(lambda database: database.receipt(ids, at=now.wall.timestamp()))
        if error is not None:
            self._say("receipts", f"receipts can't be written, so these events will be sent again: {error}", now)

    def replay(self, restored: int, now: Moment) -> int:
        """The hub was restored from a backup: what it had receipted waits again. How many events that is.

        A restore that is known already changes nothing. When the disk refuses, nothing is remembered: ask again.

        Args:
            restored: number of the restore; a later one has a higher one.
            now: the present.
        """
        if restored <= self._restored:
            return 0
        before = len(self._pending)
        error = self._try(lambda database: database.replay(restored))
        error = error or self._try(lambda database: self._load(database, now))
        if error is not None:
            self._say("replay", f"the hub was restored, but what it had receipted can't be read: {error}", now)
            return 0
        self._restored = restored
        return len(self._pending) - before

    def sayings(self) -> list[str]:
        """What has to be said about the disk since the last call, at most every ten minutes of one kind."""
        said, self._sayings = self._sayings, []
        return said

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self, now: Moment, *, fresh: bool = False) -> sqlite3.Error | None:
        try:
            self._database = open_database(self._path, max_pages=self._max_pages, connect=self._connect)
            self._load(self._database, now)
        except sqlite3.Error as error:
            if is_broken(error) and not fresh:
                return self._renew(error, now)
            self._note(error)
            if self._database is None:
                self._say("closed", f"the outbox can't be opened, alarms are kept in memory only: {error}", now)
                return error
            self._say("unread", f"the outbox can't be read to its end, what it holds may be missing: {error}", now)
        self._ballast.take()
        return None

    def _load(self, database: Database, now: Moment) -> None:
        """What waits in the file. What is in memory is newer."""
        self._restored = max(self._restored, database.restored())
        problems: list[str] = []
        try:
            for event in database.pending(now=now.wall, problems=problems):
                self._find(event)
        finally:
            if problems:
                self._say("rows", f"{len(problems)} damaged or newer rows in the outbox: {problems[0]}", now)

    def _find(self, event: Outgoing) -> None:
        if event.id not in self._pending:
            known = replace(event, ticks=self._heard.get(event.id))
            self._pending[event.id] = known
            self._found.append(known)

    def _forget(self, id_: str) -> None:
        event = self._pending.pop(id_, None)
        self._unstored.pop(id_, None)
        if event is not None and event.ticks is not None and event.rank <= Rank.CANCEL:
            self._heard[id_] = event.ticks
        if len(self._heard) > HEARD_MAX:
            del self._heard[next(iter(self._heard))]

    def _reopen(self, now: Moment) -> sqlite3.Error | None:
        try:
            return self._open(now)
        except OutboxBusyError as busy:
            return sqlite3.OperationalError(str(busy))

    def _renew(self, error: sqlite3.Error, now: Moment) -> sqlite3.Error | None:
        """Begin a new file with what is in memory and what can be read from the damaged one."""
        self.close()
        try:
            aside, saved = move_aside(self._path, now=now.wall)
        except OSError as stuck:
            self._say("damaged", f"outbox damaged ({error}) and can't be moved aside: {stuck}", now)
            return error
        self._say("damaged", f"outbox damaged ({error}), moved to {aside.name}; {len(saved)} events saved from it", now)
        for event in saved:
            self._find(event)
        self._unstored = dict(self._pending)
        self._repair_at = float("-inf")
        return self._open(now, fresh=True)

    def _flush(self, now: Moment) -> None:
        self._repair_at = now.ticks + _REPAIR_EVERY_S
        error = self._store(now)
        if error is not None and is_broken(error):
            error = self._renew(error, now) or self._store(now)
        if error is not None:
            error = self._store_with_room(now)
        if error is not None:
            self._give_up_for_now(error, now)

    def _store(self, now: Moment) -> sqlite3.Error | None:
        if self._database is None and (error := self._reopen(now)) is not None:
            return error
        batch = sorted(self._unstored.values(), key=lambda event: event.rank)
        error = self._try(lambda database: database.add(batch))
        if error is None:
            self._unstored.clear()
        return error

    def _store_with_room(self, now: Moment) -> sqlite3.Error | None:
        before, error = self.shed, None
        for remedy in self._remedies():
            error = self._try(remedy) or self._store(now)
            if error is None:
                break
        self._ballast.take()
        if self.shed > before:
            self._say("shed", f"the disk is full: {self.shed - before} kept events dropped to make room", now)
        return error

    def _remedies(self) -> Iterator[Callable[[Database], None]]:
        yield self._shed_receipted
        if any(event.rank < Rank.NOTICE for event in self._unstored.values()):
            yield self._shed_all_but_alarms
            yield Database.unlimit

    def _shed_receipted(self, database: Database) -> None:
        self.shed += database.shed_receipted()

    def _shed_all_but_alarms(self, database: Database) -> None:
        self._ballast.drop()
        database.fold()
        self.shed += database.shed_receipted() + database.shed_notices()

    def _give_up_for_now(self, error: sqlite3.Error, now: Moment) -> None:
        notices = [event.id for event in self._unstored.values() if event.rank is Rank.NOTICE]
        for event in notices:
            del self._unstored[event]
        self.shed += len(notices)
        self._say("unwritten", f"{len(self._unstored)} events can't be written, kept in memory: {error}", now)

    def _purge(self, now: Moment) -> None:
        self._purge_at = now.ticks + _PURGE_EVERY_S
        before = (now.wall - KEPT_FOR).timestamp()
        self._try(lambda database: database.purge(receipted_before=before))
        self._try(Database.limit)
        self._ballast.take()

    def _try(self, action: Callable[[Database], object]) -> sqlite3.Error | None:
        if self._database is None:
            return sqlite3.OperationalError("not open")
        try:
            action(self._database)
        except sqlite3.Error as error:
            self._note(error)
            return error
        return None

    def _note(self, error: sqlite3.Error) -> None:
        self.failures[getattr(error, "sqlite_errorname", type(error).__name__)] += 1

    def _say(self, kind: str, what: str, now: Moment) -> None:
        if now.ticks - self._said.get(kind, float("-inf")) >= _SAY_EVERY_S:
            log.error("outbox", trouble=kind, detail=what)
            self._said[kind] = now.ticks
            self._sayings.append(what)
