"""Everything in the database that is sealed, and sealing it anew when the key outside changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select, update

from hub.store import credentials, device_keys
from hub.store.tables import credentials as credential_rows
from hub.store.tables import device_keys as device_key_rows
from hub.store.vault import ID_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Column, ColumnElement, Row, Table

    from hub.store.store import Tx

AT_ONCE: Final = 200
"""Rows in one transaction: alarms must not wait."""


class Sealed(NamedTuple):
    """A column of sealed values.

    Attributes:
        context: in which the value of a row is sealed.
    """

    table: Table
    column: Column[Any]
    context: Callable[[Row[Any]], str]


SEALED: Final = (
    Sealed(
        device_key_rows,
        device_key_rows.c.sealed_root,
        lambda row: device_keys.context(row.organisation, row.address, row.enrolment),
    ),
    Sealed(
        credential_rows,
        credential_rows.c.sealed_secret,
        lambda row: credentials.context(row.organisation, row.gateway, row.generation),
    ),
)


def check(tx: Tx) -> None:
    """Are the keys those of this database?

    Raises:
        SealedError: something in it is sealed under another key.
    """
    for kind in SEALED:
        row = tx.connection.execute(select(kind.table).limit(1)).one_or_none()
        if row is not None:
            tx.vault.open(bytes(getattr(row, kind.column.name)), kind.context(row))


def reseal(tx: Tx, newest: bytes) -> int:
    """Seal up to :data:`AT_ONCE` values of each kind under the newest key; how many there were.

    Args:
        tx: the transaction; its vault seals under the key ``newest``.
        newest: that key's id (``vault.key_id``).

    Raises:
        SealedError: a value can't be opened: nothing was changed.
    """
    return sum(_reseal(tx, kind, row) for kind in SEALED for row in _stale(tx, kind, newest))


def left(tx: Tx, newest: bytes) -> int:
    """How many values are sealed under older keys."""
    counts = (select(func.count()).select_from(kind.table).where(_is_stale(kind, newest)) for kind in SEALED)
    return sum(int(tx.connection.execute(count).scalar_one()) for count in counts)


def _stale(tx: Tx, kind: Sealed, newest: bytes) -> Iterator[Row[Any]]:
    yield from tx.connection.execute(select(kind.table).where(_is_stale(kind, newest)).limit(AT_ONCE)).all()


def _is_stale(kind: Sealed, newest: bytes) -> ColumnElement[bool]:
    return func.substr(kind.column, 1, ID_SIZE) != newest


def _reseal(tx: Tx, kind: Sealed, row: Row[Any]) -> int:
    old, context = bytes(getattr(row, kind.column.name)), kind.context(row)
    where = [column == getattr(row, column.name) for column in kind.table.primary_key]
    fresh = tx.vault.seal(tx.vault.open(old, context), context)
    changed = update(kind.table).where(*where, kind.column == old).values({kind.column.name: fresh})
    return tx.connection.execute(changed).rowcount
