"""What in the database is sealed under keys that are kept elsewhere, and whether those at hand open it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Connection, inspect, select

from hub.store import credentials, device_keys, devices, directory
from hub.store.tables import credentials as credential_rows
from hub.store.tables import device_keys as device_key_rows
from hub.store.vault import ID_SIZE, SealedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.store.store import Tx
    from protocols.ids import OrganisationId

_SEALED: Final[tuple[Column[Any], ...]] = (credential_rows.c.sealed_secret, device_key_rows.c.sealed_root)


def sealed_under(connection: Connection) -> set[str]:
    """Ids, in hexadecimal, of the keys that open what is sealed in this database, whatever its revision."""
    tables = set(inspect(connection).get_table_names())
    found: set[str] = set()
    for column in _SEALED:
        if column.table.name in tables:
            found |= {bytes(row[0])[:ID_SIZE].hex() for row in connection.execute(select(column))}
    return found


def unopened(tx: Tx) -> Iterator[str]:
    """Everything that the keys at hand don't open, in words; nothing at all when all is well."""
    for organisation in directory.all_organisations(tx):
        for open_ in _openers(tx, organisation.id):
            try:
                open_()
            except SealedError as closed:
                yield str(closed)


def _openers(tx: Tx, organisation: OrganisationId) -> Iterator[Callable[[], object]]:
    for credential in credentials.of_organisation(tx, organisation):
        yield partial(credentials.secret, tx, credential)
    for device in devices.listed(tx, organisation):
        for key in device_keys.of_device(tx, organisation, device.address):
            yield partial(device_keys.root, tx, key)
