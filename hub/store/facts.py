"""What the hub knows of itself: short texts by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select

from hub.store.tables import hub_facts
from hub.store.upsert import put as put_rows

if TYPE_CHECKING:
    from hub.store.store import Tx

_VALUE: Final = select(hub_facts.c.value).where(hub_facts.c.id == bindparam("id"))


def get(tx: Tx, name: str) -> str | None:
    found: str | None = tx.connection.execute(_VALUE, {"id": name}).scalar()
    return found


def put(tx: Tx, name: str, value: str) -> None:
    put_rows(tx, hub_facts, [{"id": name, "value": value}])


def try_to_write(tx: Tx) -> None:
    """Write something and take it away again: on a disk that is full, questions are still answered."""
    name = tx.new_id()
    put(tx, name, "")
    tx.connection.execute(delete(hub_facts).where(hub_facts.c.id == name))
