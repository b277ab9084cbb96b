"""Steps of the database's clock: how far it has stepped in all, and what waits moved along with it.

A step is booked once, by whichever replica sees it first. The clock less all that was booked goes on as time was lived,
so that the others see no step any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, or_, select, update

from hub.store import facts
from hub.store.tables import (
    deadlines,
    device_keys,
    gateways,
    hearings,
    hub_facts,
    incidents,
    outbox,
    presence,
    sessions,
)
from hub.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy import Column, Table

    from hub.store.store import Tx

_FACT: Final = "clock steps"
_DUE: Final = (
    (incidents, ("due",)),
    (sessions, ("start_due", "overrun_due", "silence_due")),
    (outbox, ("due_at",)),
    (deadlines, ("due_at",)),
)
"""What comes up; deadlines last, as everybody locks them."""
_HEARD: Final = (
    (presence, ("heard_at", "mark_at", "next_mark_at", "passed_since")),
    (hearings, ("heard_at",)),
    (gateways, ("heard_at",)),
    (device_keys, ("ordered_at", "rekey_from", "rekeyed_at")),
)
"""What happened, and is compared with what time it is."""


def total(tx: Tx) -> float:
    """Seconds that the clock has stepped in all; forward counts up."""
    return float(facts.get(tx, _FACT) or 0)


def claim(tx: Tx) -> float:
    """The same, locked until the transaction ends."""
    insert_new(tx, hub_facts, {"id": _FACT, "value": "0"})
    statement = tx.lock(select(hub_facts.c.value).where(hub_facts.c.id == _FACT))
    return float(tx.connection.execute(statement).scalar_one())


def put(tx: Tx, seconds: float) -> None:
    """Book a step: what it comes to in all."""
    facts.put(tx, _FACT, repr(seconds))


def move_back(tx: Tx, by: timedelta) -> None:
    """The clock went back ``by``: whatever is due comes up when it would have, and nobody was heard in the future."""
    for table, names in _HEARD:
        _move(tx, table, [table.c[name] for name in names], by, is_future=True)
    for table, names in _DUE:
        _move(tx, table, [table.c[name] for name in names], by, is_future=False)


def _move(tx: Tx, table: Table, columns: Sequence[Column[Any]], by: timedelta, *, is_future: bool) -> None:
    """Row by row: the two databases reckon with times in different ways."""
    concerned = [column > tx.now if is_future else column.is_not(None) for column in columns]
    keys = list(table.primary_key)
    rows = tx.connection.execute(tx.lock(select(*keys, *columns).where(or_(*concerned)).order_by(*keys))).all()
    if rows:
        where = and_(*(key == bindparam(f"_{key.name}") for key in keys))
        values = {column.name: bindparam(f"_{column.name}", type_=column.type) for column in columns}
        earliest = tx.now if is_future else None
        moved = [
            {f"_{name}": _moved(value, by, earliest) for name, value in zip(row._fields, row, strict=True)}
            for row in rows
        ]
        tx.connection.execute(update(table).where(where).values(**values), moved)


def _moved(value: object, by: timedelta, earliest: datetime | None) -> object:
    if isinstance(value, datetime) and (earliest is None or value > earliest):
        return value - by
    return value
