"""Questions that one query can ask for many keys: which rows of a table have these values in these columns?

The keys come as one parameter, a JSON list of lists, so that there is one statement for any number of them, prepared
once; both SQLite and PostgreSQL look each of them up by an index.
"""

from __future__ import annotations

import json
from functools import cached_property, lru_cache
from operator import attrgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import JSON, String, and_, bindparam, cast, func, literal_column, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select, Table, TableValuedAlias

Key: TypeAlias = tuple[Any, ...]
_STATEMENTS: Final = 128


class Lookup:
    """The rows of a table by some of its columns.

    Args:
        table: which.
        by: names of the columns whose values are a key, two or more; an index should begin with them.
        locks: rows are kept from other replicas until the transaction ends, locked in the order of their keys.
    """

    def __init__(self, table: Table, *by: str, locks: bool = False) -> None:
        self.table = table
        self.by = by
        self.locks = locks
        self.key = attrgetter(*by)
        """The key of a row."""

    @cached_property
    def is_fixed(self) -> bool:
        """A row never moves from one key to another: they are part of what identifies it."""
        return set(self.by) <= {column.name for column in self.table.primary_key}

    @cached_property
    def is_whole_key(self) -> bool:
        """A key is the primary key of one row."""
        return self.by == tuple(column.name for column in self.table.primary_key)

    @staticmethod
    def values(row: Any) -> dict[str, Any]:  # noqa: ANN401 - from the database, or of what is queued for it
        """All columns of a row."""
        return dict(vars(row)) if isinstance(row, SimpleNamespace) else row._asdict()

    def find(self, connection: Connection, keys: Sequence[Key], *, locks: bool, waits: bool) -> Sequence[Row[Any]]:
        """The rows of all these keys.

        Args:
            connection: to ask.
            keys: without repeats.
            locks: False where nothing is to be locked after all.
            waits: False where a row that somebody else has locked is an error.
        """
        statement = _statement(self, connection.dialect.name, locks=locks and self.locks, waits=waits)
        return connection.execute(statement, {"keys": json.dumps(keys)}).all()

    def take(self, connection: Connection, keys: Sequence[Key]) -> set[Key]:
        """Of these keys, those with a row that nobody else has locked; they are locked now. PostgreSQL's alone."""
        statement = _statement(self, connection.dialect.name, locks=True, waits=True, skips=True)
        return {self.key(row) for row in connection.execute(statement, {"keys": json.dumps(keys)})}


@lru_cache(_STATEMENTS)
def _statement(lookup: Lookup, dialect: str, *, locks: bool, waits: bool, skips: bool = False) -> Select[Any]:
    given = _given(dialect)
    columns = [lookup.table.c[name] for name in lookup.by]
    parts = [_part(given, dialect, number, column) for number, column in enumerate(columns)]
    same = and_(*(column == part for column, part in zip(columns, parts, strict=True)))
    statement = select(lookup.table).select_from(given.join(lookup.table, same))
    if not locks:
        return statement
    return statement.order_by(*columns).with_for_update(of=lookup.table, nowait=not waits, skip_locked=skips)


def _given(dialect: str) -> TableValuedAlias:
    keys = bindparam("keys", type_=String)
    rows = func.json_each(keys) if dialect == "sqlite" else func.json_array_elements(cast(keys, JSON))
    return rows.table_valued("value", name="given")


def _part(given: TableValuedAlias, dialect: str, number: int, column: ColumnElement[Any]) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return func.json_extract(given.c.value, literal_column(f"'$[{number}]'"))
    return cast(given.c.value.op("->>")(literal_column(str(number))), column.type)
