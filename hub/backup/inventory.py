"""What a database holds, read within one snapshot: rows, heads of the journal, keys of what is sealed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, inspect, select, table

from hub.backup import seals
from hub.backup.manifest import JournalState
from hub.store import restores
from hub.store.tables import chains, hub_facts, journal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.store import Tx

VERSIONS: Final = "alembic_version"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is in it.

    Attributes:
        revision: of the tables; None = there are none.
        rows: per table.
        journal: how far it has come.
        heads: end of each chain, one per line: organisation, chain, length, head.
        sealed_under: ids of the keys that open its secrets.
        restore: number of its last restore.
    """

    revision: str | None
    rows: dict[str, int]
    journal: JournalState
    heads: bytes
    sealed_under: tuple[str, ...]
    restore: int


def take(tx: Tx) -> Inventory:
    """Of a database of any revision."""
    connection = tx.connection
    names = sorted(set(inspect(connection).get_table_names()) - {VERSIONS})
    ends = _heads(connection) if chains.name in names else b""
    return Inventory(
        revision=MigrationContext.configure(connection).get_current_revision(),
        rows={name: _count(connection, name) for name in names},
        journal=JournalState(
            entries=_count(connection, journal.name) if journal.name in names else 0,
            chains=ends.count(b"\n"),
            heads=hashlib.sha256(ends).hexdigest(),
        ),
        heads=ends,
        sealed_under=tuple(sorted(seals.sealed_under(connection))),
        restore=restores.number(tx) if hub_facts.name in names else 0,
    )


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(select(func.count()).select_from(table(name))).scalar_one())


def _heads(connection: Connection) -> bytes:
    rows = connection.execute(select(chains).order_by(chains.c.organisation, chains.c.chain))
    return "".join(f"{row.organisation}\t{row.chain}\t{row.length}\t{row.head}\n" for row in rows).encode()
