"""INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy keeps apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table

    from hub.store.store import Tx


def _insert(tx: Tx, table: Table) -> sqlite.Insert | postgresql.Insert:
    if tx.connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def insert_new(tx: Tx, table: Table, values: dict[str, Any]) -> bool:
    """Insert unless its key is there already; True if it is new."""
    statement = _insert(tx, table).values(**values).on_conflict_do_nothing()
    return tx.connection.execute(statement.returning(*table.primary_key)).first() is not None


def put(tx: Tx, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert, or overwrite all but the key."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = _insert(tx, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    tx.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))
