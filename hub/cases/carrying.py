"""What today's database knows of who belongs, carried into the backup that takes its place.

Who may come in, with which secret and which key, is as it was a minute ago, not as it was last night: a gateway that
took a new credential since goes on with it, one that was revoked stays out, a person keeps today's password and role,
an alarm that was enrolled since still pages. Events, incidents, sessions and the journal are those of the backup.

Nothing that the backup holds is removed. What is sealed is carried only if the keys at hand open it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from hub.store import credentials as credential_store
from hub.store import device_keys as key_store
from hub.store import directory, restores
from hub.store.tables import (
    accounts,
    api_tokens,
    assignments,
    credentials,
    device_keys,
    devices,
    gateways,
    metadata,
    places,
    workers,
)
from hub.store.upsert import insert_new, put
from hub.store.vault import SealedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Table

    from hub.store.store import Tx

Values = dict[str, Any]

_WHOLE: Final = (accounts, devices, device_keys, assignments, credentials, api_tokens)
"""Today's row counts, whether or not the backup has one."""
_MISSING: Final = (workers, places, gateways)
"""Only rows that the backup does not have."""
_RISING: Final = {"devices": ("downlink_counter",), "device_keys": ("generation", "trusted_from")}
"""Never goes back, whichever of the two is ahead."""


@dataclass(frozen=True, slots=True)
class Today:
    """What was read in the database that is replaced.

    Attributes:
        restore: number of its last restore.
        rows: by table.
    """

    restore: int = 0
    rows: Mapping[str, Sequence[Values]] = field(default_factory=dict)


def read(tx: Tx) -> Today:
    """Read in the database that is about to be replaced."""
    found = {
        table.name: [dict(row._mapping) for row in tx.connection.execute(select(table))]  # noqa: SLF001 - its public name
        for table in (*_WHOLE, *_MISSING)
    }
    return Today(restores.number(tx), found)


def carry(tx: Tx, today: Today) -> tuple[str, ...]:
    """Bring it into the restored database; what could not be carried, in words."""
    known = {each.id for each in directory.all_organisations(tx)}
    left: dict[str, None] = {}
    for name, rows in today.rows.items():
        table = metadata.tables[name]
        for row in rows:
            if row["organisation"] in known:
                left |= dict.fromkeys(_carry(tx, table, row))
            else:
                left[f"organisation {row['organisation']}: made since the backup, with everything in it"] = None
    return tuple(left)


def _carry(tx: Tx, table: Table, row: Values) -> Iterator[str]:
    """One row; what of it could not be carried."""
    if table in _MISSING:
        insert_new(tx, table, row)
        return
    there = tx.connection.execute(select(table).where(*_is(table, row))).one_or_none()
    if there is not None:
        row = row | {name: max(row[name], getattr(there, name)) for name in _RISING.get(table.name, ())}
    if _opens(tx, table, row):
        put(tx, table, [row])
        return
    if there is not None:  # the backup's own copy of the secret may open
        rest = {name: value for name, value in row.items() if not name.startswith("sealed_")}
        tx.connection.execute(update(table).where(*_is(table, row)).values(**rest))
    elif row.get("ends_at") is None and row.get("retired_at") is None:
        yield _unopened(table, row)


def _is(table: Table, row: Values) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key]


def _opens(tx: Tx, table: Table, row: Values) -> bool:
    who = row["organisation"]
    try:
        if table is credentials:
            context = credential_store.context(who, row["gateway"], row["generation"])
            tx.vault.open(row["sealed_secret"], context)
        elif table is device_keys:
            tx.vault.open(row["sealed_root"], key_store.context(who, row["address"], row["enrolment"]))
    except SealedError:
        return False
    return True


def _unopened(table: Table, row: Values) -> str:
    if table is credentials:
        return f"gateway {row['organisation']}/{row['gateway']}: its credential can't be opened; give it a new code"
    return f"device {row['organisation']}/{row['address']}: its key can't be opened; enrol it anew"
