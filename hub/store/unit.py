"""What a transaction has read ahead, and what it has still to write.

A batch of events asks the same few questions about many devices, and writes rows of the same few tables. So whoever
records a batch has the questions answered for all of it with one query each, and rows are written together when the
transaction ends. Nobody can tell: what is queued is in the answers at once, and whoever reaches for the connection
itself finds everything written, and nothing of what was read before is believed afterwards.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from operator import attrgetter, itemgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from sqlalchemy import and_, bindparam, delete, insert, update

from hub.store import upsert
from hub.store.lookup import Lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection, Delete, Insert, Table, Update

    from hub.store.lookup import Key

Values: TypeAlias = "Mapping[str, Any]"
Queue: TypeAlias = "dict[Table, dict[Key, Values]]"
Answers: TypeAlias = "dict[Key, list[Any]]"
Names: TypeAlias = tuple[str, ...]
Draft = TypeVar("Draft")
_TABLES: Final = 128


class Unit:
    """One transaction's reading and writing.

    Args:
        connection: in that transaction.
        writes: rows are locked where a lookup says so.
        waits: False where a row that somebody else has locked is an error.
    """

    def __init__(self, connection: Connection, *, writes: bool, waits: bool = True) -> None:
        self._connection = connection
        self._writes = writes
        self._waits = waits
        self._answers: dict[Table, dict[Lookup, Answers]] = {}
        self._new: Queue = {}
        self._put: Queue = {}
        self._gone: Queue = {}
        self._changed: Queue = {}
        self._drafts: dict[Callable[[Unit, list[Any]], None], list[Any]] = {}
        self._numbers = count()

    @property
    def connection(self) -> Connection:
        """To execute on: everything that was queued is written, and whatever was read will be read anew."""
        self.settle()
        self._answers.clear()
        return self._connection

    def rows(self, lookup: Lookup, *key: Any) -> list[Any]:  # noqa: ANN401 - as the columns are
        """The rows of one key, in no order, what is queued among them."""
        answers = self._answers_of(lookup)
        if key not in answers:
            self.read_ahead(lookup, [key])
        return list(answers[key])

    def read_ahead(self, lookup: Lookup, keys: Iterable[Key]) -> None:
        """Ask for many keys at once; what is known already is not asked again."""
        answers = self._answers_of(lookup)
        unknown = {key for key in keys if key not in answers}
        answers.update(self._known(lookup, unknown))
        missing = sorted(key for key in unknown if key not in answers)
        if not missing:
            return
        self._write(lookup.table)
        found = lookup.find(self._connection, missing, locks=self._writes, waits=self._waits)
        if lookup.locks and self._writes:
            self._doubt(lookup.table)
        answers.update((key, []) for key in missing)
        for row in found:
            answers[lookup.key(row)].append(row)

    def _doubt(self, table: Table) -> None:
        """What was read of a table without a lock may have changed while a lock was waited for: it is asked again."""
        for lookup in [lookup for lookup, _ in self._given(table) if not lookup.locks]:
            del self._answers[table][lookup]

    def _answers_of(self, lookup: Lookup) -> Answers:
        return self._answers.setdefault(lookup.table, {}).setdefault(lookup, {})

    def _known(self, lookup: Lookup, keys: Iterable[Key]) -> Answers:
        """What need not be asked of the database: what was asked with a lock, and whole rows still to be written."""
        found: Answers = {}
        for other, answers in self._answers[lookup.table].items():
            if other.by == lookup.by and other.locks >= lookup.locks:
                found |= {key: list(answers[key]) for key in keys if key in answers}
        if lookup.is_whole_key:
            for queue in (self._new.get(lookup.table, {}), self._put.get(lookup.table, {})):
                found |= {key: [SimpleNamespace(**queue[key])] for key in keys if key in queue}
        return found

    def insert(self, table: Table, values: Values) -> None:
        """Write a new row at the end. If another replica is found to have written it, the transaction is run again."""
        number = (next(self._numbers),) if _is_numbered(table) else _number(table)(values)
        self._new.setdefault(table, {})[number] = values
        self._learn(table, values)

    def put(self, table: Table, values: Values) -> None:
        """Write a whole row at the end, whether or not it is there."""
        number = _number(table)(values)
        self._gone.get(table, {}).pop(number, None)
        self._supersede(table, number)
        queue = self._new if number in self._new.get(table, ()) else self._put
        queue.setdefault(table, {})[number] = values
        self._forget(table, number, values)
        self._learn(table, values)

    def drop(self, table: Table, key: Values) -> None:
        """Delete the row of this primary key at the end."""
        number = _number(table)(key)
        for queue in (self._new, self._put):
            queue.get(table, {}).pop(number, None)
        self._supersede(table, number)
        self._gone.setdefault(table, {})[number] = key
        self._forget(table, number, key)

    def change(self, table: Table, key: Values, values: Values) -> None:
        """Set some columns of the row of this primary key at the end, and leave the others as they are by then.

        Args:
            table: whose row.
            key: by name.
            values: by name; of columns that rows are not looked up by, and that are named where the row is inserted.
        """
        number = _number(table)(key)
        self._queue_change(table, number, {f"_{name}": key[name] for name in key}, values)
        for lookup, answers in self._given(table):
            for rows in _holding(lookup, answers, key):
                rows[:] = [_changed(row, values) if _number_of(table)(row) == number else row for row in rows]

    def _queue_change(self, table: Table, number: Key, key: Values, values: Values) -> None:
        """One row is written once: what changes in a row that is still to be written is part of that."""
        for queue in (self._new.get(table, {}), self._put.get(table, {})):
            if number in queue:
                queue[number] = {**queue[number], **values}
                return
        changes = self._changed.setdefault(table, {})
        changes[number] = {**changes.get(number, key), **values}

    def draft(self, write_down: Callable[[Unit, list[Draft]], None], what: Draft) -> None:
        """Have ``write_down`` called at the end, with everything that it was to be called with, in order."""
        self._drafts.setdefault(write_down, []).append(what)

    def settle(self) -> None:
        """Write everything that is queued."""
        while self._drafts:
            drafts, self._drafts = self._drafts, {}
            for write_down, what in drafts.items():
                write_down(self, what)
        for table in {**self._gone, **self._new, **self._put, **self._changed}:
            self._write(table)

    def _write(self, table: Table) -> None:
        run = self._connection.execute
        if gone := self._gone.pop(table, None):
            run(_deleting(table), [{f"_{name}": value for name, value in key.items()} for key in gone.values()])
        if new := self._new.pop(table, None):
            run(_inserting(table), list(new.values()))
        if put := self._put.pop(table, None):
            upsert.overwrite(self._connection, table, list(put.values()))
        for names, changes in _alike(self._changed.pop(table, {}).values()).items():
            run(_changing(table, names), changes)

    def _supersede(self, table: Table, number: Key) -> None:
        """What was to be changed in a row that is now written whole, or deleted, is part of that."""
        self._changed.get(table, {}).pop(number, None)

    def _learn(self, table: Table, values: Values) -> None:
        """Put a row into the answers that it belongs to."""
        row = SimpleNamespace(**values)
        for lookup, answers in self._given(table):
            known = answers.get(lookup.key(row))
            if known is not None:
                known.append(row)

    def _forget(self, table: Table, number: Key, values: Values) -> None:
        """Take the row of this primary key out of all answers."""
        for lookup, answers in self._given(table):
            for rows in _holding(lookup, answers, values):
                rows[:] = [row for row in rows if _number_of(table)(row) != number]

    def _given(self, table: Table) -> Iterable[tuple[Lookup, Answers]]:
        return self._answers.get(table, {}).items()


def _holding(lookup: Lookup, answers: Answers, values: Values) -> Iterator[list[Any]]:
    """The answers that may hold the row of a primary key."""
    if not lookup.is_fixed:
        yield from answers.values()
    elif (rows := answers.get(tuple(values[name] for name in lookup.by))) is not None:
        yield rows


def _alike(changes: Iterable[Values]) -> dict[Names, list[Values]]:
    """Changes that one statement can make, by the columns that they set."""
    alike: dict[Names, list[Values]] = {}
    for change in changes:
        names = tuple(sorted(name for name in change if not name.startswith("_")))
        alike.setdefault(names, []).append(change)
    return alike


def _changed(row: Any, values: Values) -> SimpleNamespace:  # noqa: ANN401 - from the database, or queued for it
    return SimpleNamespace(**{**Lookup.values(row), **values})


@lru_cache(_TABLES)
def _is_numbered(table: Table) -> bool:
    """The database numbers its rows."""
    return table.autoincrement_column is not None


@lru_cache(_TABLES)
def _number(table: Table) -> Callable[[Values], Key]:
    """The primary key in values; of two columns at least."""
    return itemgetter(*(column.name for column in table.primary_key))


@lru_cache(_TABLES)
def _number_of(table: Table) -> Callable[[Any], Key]:
    """The primary key of a row."""
    return attrgetter(*(column.name for column in table.primary_key))


@lru_cache(_TABLES)
def _inserting(table: Table) -> Insert:
    return insert(table).inline()


@lru_cache(_TABLES)
def _deleting(table: Table) -> Delete:
    return delete(table).where(_is_named(table))


@lru_cache(_TABLES)
def _changing(table: Table, names: Names) -> Update:
    return update(table).where(_is_named(table)).values({name: bindparam(name) for name in names})


def _is_named(table: Table) -> ColumnElement[bool]:
    """The row whose primary key is in parameters of the columns' names, each with an underscore before it."""
    return and_(*(column == bindparam(f"_{column.name}") for column in table.primary_key))
