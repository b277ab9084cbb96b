"""What in the database is sealed under keys that are kept elsewhere, and whether those at hand open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Connection, inspect, select

from hub.store import credentials, directory
from hub.store.tables import credentials as credential_rows
from hub.store.vault import ID_SIZE, SealedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.store import Tx


def sealed_under(connection: Connection) -> set[str]:
    """Ids, in hexadecimal, of the keys that open what is sealed in this database, whatever its revision."""
    found: set[str] = set()
    for column in _columns(connection):
        rows = connection.execute(select(column).where(column.is_not(None)))
        found |= {bytes(row[0])[:ID_SIZE].hex() for row in rows}
    return found


def unopened(tx: Tx) -> Iterator[str]:
    """Everything that the keys at hand don't open, in words; nothing at all when all is well."""
    for organisation in directory.all_organisations(tx):
        for record in credentials.of_organisation(tx, organisation.id):
            try:
                credentials.secret(tx, record)
            except SealedError as closed:
                yield str(closed)


def _columns(connection: Connection) -> Iterator[Column[Any]]:
    tables = inspect(connection)
    if tables.has_table(credential_rows.name):
        yield credential_rows.c.sealed_secret
