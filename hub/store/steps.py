"""Steps of the database's clock: how far it has stepped in all, and what waits moved along with it.

A step is booked once, by whichever replica sees it first. The clock less all that was booked goes on as time was lived,
so that the others see no step any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, or_, select, update

from hub.store import facts
from hub.store.deadlines import DeadlineKind
from hub.store.tables import (
    assignments,
    deadlines,
    device_keys,
    gateways,
    hearings,
    hub_facts,
    incidents,
    journal,
    outbox,
    presence,
    sessions,
)
from hub.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
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
    (assignments, ("since", "until")),
    (sessions, ("starts_at", "ends_at", "ended_at")),
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


def move_back(tx: Tx, by: timedelta, *, since: datetime) -> None:
    """The clock went back ``by``: whatever is due comes up when it would have, and nobody was heard in the future.

    An incident that was written to at or after ``since``, by the clock as it is now, was written to after the step: it
    is due as it should be, and to move it would wake people, or end a pre-alarm, before its time.
    """
    right = _written_to(tx, since)
    for table, names in _HEARD:
        _move(tx, table, [table.c[name] for name in names], by, is_future=True)
    for table, names in _DUE:
        _move(tx, table, [table.c[name] for name in names], by, is_future=False, but=right)


def _written_to(tx: Tx, since: datetime) -> set[tuple[str, str]]:
    """Chains of the journal with an entry of between then and now, each with its organisation."""
    where = (journal.c.at >= since, journal.c.at <= tx.now)
    rows = tx.connection.execute(select(journal.c.organisation, journal.c.chain).where(*where).distinct())
    return {(row.organisation, row.chain) for row in rows}


def _incident(table: Table, row: Any) -> tuple[str, str] | None:  # noqa: ANN401 - a row of any table
    """Which incident a row is of."""
    if table is incidents:
        return row.organisation, row.id
    if table is deadlines and row.kind == DeadlineKind.INCIDENT:
        return row.organisation, row.subject
    return None


def _move(
    tx: Tx,
    table: Table,
    columns: Sequence[Column[Any]],
    by: timedelta,
    *,
    is_future: bool,
    but: Collection[tuple[str, str]] = (),
) -> None:
    """Row by row: the two databases reckon with times in different ways."""
    concerned = [column > tx.now if is_future else column.is_not(None) for column in columns]
    keys = list(table.primary_key)
    rows = tx.connection.execute(tx.lock(select(*keys, *columns).where(or_(*concerned)).order_by(*keys))).all()
    rows = [row for row in rows if _incident(table, row) not in but]
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
