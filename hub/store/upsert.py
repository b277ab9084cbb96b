"""INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy keeps apart."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import tuple_
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from hub.store.store import Tx

_STATEMENTS: Final = 128
RISING: Final = "rising"
"""In the ``info`` of a table: names of columns that, taken together, never fall."""


def _insert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def insert_new(tx: Tx, table: Table, values: dict[str, Any]) -> bool:
    """Insert unless its key is there already; True if it is new."""
    connection = tx.connection
    statement = _insert(table, connection.dialect.name).values(**values).on_conflict_do_nothing()
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def put(tx: Tx, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert, or overwrite all but the key."""
    if rows:
        overwrite(tx.connection, table, rows)


def overwrite(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same, on a connection; at least one row."""
    connection.execute(_overwriting(table, connection.dialect.name, tuple(rows[0])), list(rows))


@lru_cache(_STATEMENTS)
def _overwriting(table: Table, dialect: str, names: tuple[str, ...]) -> sqlite.Insert | postgresql.Insert:
    keys = [column.name for column in table.primary_key]
    statement = _insert(table, dialect)
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed, where=_not_behind(table, statement))


def _not_behind(table: Table, statement: sqlite.Insert | postgresql.Insert) -> ColumnElement[bool] | None:
    """Where the columns that a table says only rise would fall, another replica was faster: its row stays."""
    rising = table.info.get(RISING)
    if rising is None:
        return None
    new, known = ([columns[name] for name in rising] for columns in (statement.excluded, table.c))
    return tuple_(*new) >= tuple_(*known)
