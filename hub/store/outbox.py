"""What must still be sent: written in the transaction that decided it, leased, sent at least once.

``due_at`` is when somebody may take a row; taking it moves ``due_at`` to the end of the lease, so that a sender that
dies gives it back by itself. A row that is done has no ``due_at``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import JSON, Integer, String, bindparam, cast, func, or_, select, update

from hub.store.tables import outbox
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Row, Select, Subquery

    from hub.store.store import Tx

LEASE: Final = timedelta(seconds=30)
ASK: Final = "ask"
"""Message of a downlink that asks the wearer."""
_ORGANISATION: Final = outbox.c.organisation
_CHANNELS_DUE: Final = (
    select(outbox.c.channel, func.min(_ORGANISATION).label("first"), func.max(_ORGANISATION).label("last"))
    .where(outbox.c.due_at <= bindparam("now"))
    .group_by(outbox.c.channel)
)
_NO_TURNS: Final = (
    select(outbox)
    .where(outbox.c.due_at <= bindparam("now"), outbox.c.channel == bindparam("channel"))
    .order_by(outbox.c.rank, outbox.c.due_at)
    .limit(bindparam("places"))
    .with_for_update(skip_locked=True)
)
_STATE: Final = select(outbox.c.state).where(
    outbox.c.organisation == bindparam("organisation"), outbox.c.id == bindparam("id")
)


class ItemState(StrEnum):
    """Where a row stands."""

    PENDING = "pending"
    SENT = "sent"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ItemKind(StrEnum):
    """Whom it is for."""

    ALERT = "alert"  # about an incident; an acknowledgement cancels it
    INFORMATION = "information"  # about a fault, or what must be said even when somebody has it
    DOWNLINK = "downlink"  # for a device


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to send.

    Attributes:
        rank: lower goes first.
        channel: which channel carries it.
        recipient: account or worker id, or a device address; the channel looks up how to reach it.
        message: what it says (``Message``, or a channel's own word).
        payload: facts to say it with.
        attempts: how often it was tried.
    """

    organisation: OrganisationId
    id: str
    rank: int
    kind: ItemKind
    incident: str | None
    fault: str | None
    channel: str
    recipient: str | None
    message: str
    payload: Mapping[str, Any]
    state: ItemState
    attempts: int
    created_at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NewItem:
    """What to add; see :class:`Item`."""

    kind: ItemKind
    channel: str
    message: str
    recipient: str | None = None
    incident: str | None = None
    fault: str | None = None
    payload: Mapping[str, Any] | None = None
    rank: int = 0


def add(tx: Tx, organisation: OrganisationId, row: NewItem) -> str:
    """Queue one row, due at once."""
    return _add(tx, organisation, row, tx.now)


def _add(tx: Tx, organisation: OrganisationId, row: NewItem, due: datetime) -> str:
    number = tx.new_id()
    values = {
        "organisation": organisation,
        "id": number,
        "rank": row.rank,
        "kind": row.kind,
        "incident": row.incident,
        "fault": row.fault,
        "channel": row.channel,
        "recipient": row.recipient,
        "message": row.message,
        "payload": _text(row.payload or {}),
        "state": ItemState.PENDING,
        "attempts": 0,
        "created_at": tx.now,
        "due_at": due,
    }
    tx.unit.insert(outbox, values)
    return number


def add_or_merge(tx: Tx, organisation: OrganisationId, row: NewItem, every: timedelta) -> None:
    """Queue one row; if one like it waits for the same person about the same incident, count there instead.

    It is due ``every`` after the last one like it.
    """
    alike = (
        outbox.c.organisation == organisation,
        outbox.c.incident == row.incident,
        outbox.c.message == row.message,
        outbox.c.channel == row.channel,
        outbox.c.recipient == row.recipient,
    )
    waiting = tx.connection.execute(
        tx.lock(select(outbox).where(*alike, outbox.c.state == ItemState.PENDING).limit(1))
    ).one_or_none()
    if waiting is not None:
        payload = json.loads(waiting.payload)
        _change(tx, _item(waiting), payload=_text(payload | {"count": int(payload.get("count", 1)) + 1}))
        return
    last = tx.connection.execute(select(func.max(outbox.c.done_at)).where(*alike)).scalar_one()
    _add(tx, organisation, row, tx.now if last is None else max(tx.now, last + every))


def grown(tx: Tx, row: Item) -> int:
    """By how much a row has come to count more since it was leased."""
    payload = tx.connection.execute(select(outbox.c.payload).where(*_is(row))).scalar_one()
    return int(json.loads(payload).get("count", 1)) - int(row.payload.get("count", 1))


def add_rest(tx: Tx, row: Item, count: int, at: datetime) -> None:
    """Queue what was counted while its row was being sent."""
    payload = {**row.payload, "count": count}
    rest = NewItem(row.kind, row.channel, row.message, row.recipient, row.incident, row.fault, payload, row.rank)
    _add(tx, row.organisation, rest, at)


def lease_alone(tx: Tx, channel: str, limit: int) -> list[Item]:
    """As :func:`lease`, where all that is due is of one organisation: with thousands of rows a tenth of the work."""
    return _take(tx, tx.connection.execute(_NO_TURNS, {"now": tx.now, "channel": channel, "places": limit}))


def lease(
    tx: Tx, channel: str, limit: int, held: Mapping[OrganisationId, int] | None = None, share: int | None = None
) -> list[Item]:
    """Take up to ``limit`` due rows of a channel for :data:`LEASE`: lower rank first, then organisations in turn.

    ``held`` is how many of each organisation the caller has under way, ``share`` how many of one may be (None = all).
    """
    given = {"now": tx.now, "channel": channel, "places": limit, "held": json.dumps(dict(held or {}))}
    connection = tx.connection
    most = limit if share is None else share
    return _take(tx, connection.execute(_leased(connection.dialect.name), {**given, "share": most}))


def _take(tx: Tx, due: Iterable[Row[Any]]) -> list[Item]:
    rows = [_item(row) for row in due]
    for row in rows:
        tx.unit.change(outbox, {"organisation": row.organisation, "id": row.id}, {"due_at": tx.now + LEASE})
    return rows


@lru_cache
def _leased(dialect: str) -> Select[Any]:
    """Rows are locked after their turns are known, so each is looked at again: another replica may have leased it."""
    of = outbox.c
    is_due = (of.due_at <= bindparam("now"), of.channel == bindparam("channel"))
    given = bindparam("held", type_=String)
    pairs = func.json_each(given) if dialect == "sqlite" else func.json_each_text(cast(given, JSON))
    held = pairs.table_valued("key", "value", name="held")
    own = _turns(is_due)
    turn = own.c.turn + func.coalesce(cast(held.c.value, Integer), 0)
    same = (own.c.organisation == of.organisation) & (own.c.id == of.id)
    rows = own.outerjoin(held, held.c.key == own.c.organisation).join(outbox, same)
    statement = select(outbox).select_from(rows).where(*is_due, turn <= bindparam("share"))
    ordered = statement.order_by(of.rank, turn, of.due_at).limit(bindparam("places"))
    return ordered.with_for_update(of=outbox, skip_locked=True)


def _turns(is_due: tuple[ColumnElement[bool], ...]) -> Subquery:
    """The how-manieth of its organisation each due row is; no more than may be leased."""
    own = func.row_number().over(partition_by=outbox.c.organisation, order_by=(outbox.c.rank, outbox.c.due_at))
    turn = own.label("turn")
    all_ = select(outbox.c.organisation, outbox.c.id, turn).where(*is_due).subquery("numbered")
    return select(all_).where(all_.c.turn <= bindparam("share")).subquery("turns")


def finish(tx: Tx, row: Item, state: ItemState, detail: str = "") -> None:
    """It needs no more sending. What was cancelled or finished meanwhile stays so."""
    still = outbox.c.state == ItemState.PENDING
    values = {"state": state, "due_at": None, "done_at": tx.now, "attempts": row.attempts + 1, "detail": detail[:500]}
    tx.connection.execute(update(outbox).where(*_is(row), still).values(**values))


def retry(tx: Tx, row: Item, at: datetime, detail: str) -> None:
    """Try again later. A row that was cancelled meanwhile stays so."""
    values = {"due_at": at, "attempts": row.attempts + 1, "detail": detail[:500]}
    still = outbox.c.state == ItemState.PENDING
    tx.connection.execute(update(outbox).where(*_is(row), still).values(**values))


def cancel_alerts(tx: Tx, organisation: OrganisationId, incident: str) -> int:
    """Alerts and questions of this incident that were not sent are no longer wanted; how many there were."""
    where = (
        outbox.c.organisation == organisation,
        outbox.c.incident == incident,
        or_(outbox.c.kind == ItemKind.ALERT, outbox.c.message == ASK),
        outbox.c.state == ItemState.PENDING,
    )
    values = {"state": ItemState.CANCELLED, "due_at": None, "done_at": tx.now}
    return tx.connection.execute(update(outbox).where(*where).values(**values)).rowcount


def cancel_downlinks(tx: Tx, organisation: OrganisationId, address: str) -> None:
    """A newer word for the same device replaces what has not reached it."""
    where = (
        outbox.c.organisation == organisation,
        outbox.c.recipient == address,
        outbox.c.kind == ItemKind.DOWNLINK,
        outbox.c.state == ItemState.PENDING,
    )
    values = {"state": ItemState.CANCELLED, "due_at": None, "done_at": tx.now}
    tx.connection.execute(update(outbox).where(*where).values(**values))


def of_incident(tx: Tx, organisation: OrganisationId, incident: str) -> list[Item]:
    """Everything that was or is to be sent about an incident, oldest first."""
    where = (outbox.c.organisation == organisation, outbox.c.incident == incident)
    return [_item(row) for row in tx.connection.execute(select(outbox).where(*where).order_by(outbox.c.created_at))]


def depth(tx: Tx) -> int:
    """Rows that are still to be sent."""
    statement = select(func.count()).select_from(outbox).where(outbox.c.due_at.is_not(None))
    return int(tx.connection.execute(statement).scalar_one())


def next_due(tx: Tx) -> datetime | None:
    due: datetime | None = tx.connection.execute(select(func.min(outbox.c.due_at))).scalar_one()
    return due


def _text(payload: Mapping[str, Any]) -> str:
    return json.dumps(dict(payload), sort_keys=True)


def _change(tx: Tx, row: Item, **values: object) -> None:
    tx.connection.execute(update(outbox).where(*_is(row)).values(**values))


def _is(row: Item) -> tuple[Any, ...]:
    return outbox.c.organisation == row.organisation, outbox.c.id == row.id


def _item(row: Row[Any]) -> Item:
    return Item(
        OrganisationId(row.organisation),
        row.id,
        row.rank,
        ItemKind(row.kind),
        row.incident,
        row.fault,
        row.channel,
        row.recipient,
        row.message,
        json.loads(row.payload),
        ItemState(row.state),
        row.attempts,
        row.created_at,
        row.detail,
    )


def is_wanted(tx: Tx, item: Item) -> bool:
    """False when it was cancelled or finished since it was leased."""
    given = {"organisation": item.organisation, "id": item.id}
    return tx.connection.execute(_STATE, given).scalar_one_or_none() == ItemState.PENDING


def channels_due(tx: Tx) -> dict[str, OrganisationId | None]:
    """The channels for which something waits to be sent now, and whose that is: None when it is of several."""
    rows = tx.connection.execute(_CHANNELS_DUE, {"now": tx.now})
    return {row.channel: OrganisationId(row.first) if row.first == row.last else None for row in rows}
