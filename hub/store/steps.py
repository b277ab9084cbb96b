"""Steps of the database's clock: how far it has stepped in all, and what waits moved along with it.

A step is booked once, by whichever replica sees it first. The clock less all that was booked goes on as time was lived,
so that the others see no step any more.

A step back moves a deadline if it was set before it. That is told by how far away it is, for nothing waits longer than
its kind may; where that leaves it open, by whether it is the same as when somebody last looked. A step forward moves
nothing, so what is set before it is right again when a step back undoes it: that is remembered until it happens.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import and_, select

from hub.store import facts
from hub.store.deadlines import DeadlineKind
from hub.store.tables import deadlines, hub_facts, organisations
from hub.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.store import Tx

_FACT: Final = "clock steps"
_AHEAD: Final = "clock ahead"
_SEEN: Final = "clock seen"
_NONE: Final = timedelta(0)
_INCIDENTS: Final = (
    select(deadlines.c.organisation, deadlines.c.subject, deadlines.c.due_at)
    .select_from(organisations)
    .join(
        deadlines,
        and_(deadlines.c.organisation == organisations.c.id, deadlines.c.kind == DeadlineKind.INCIDENT.value),
    )
)
"""By way of the organisations: theirs are few among all that is due."""

Known: TypeAlias = "Mapping[tuple[str, str], datetime]"
"""When each incident was due at the last look, by organisation and id."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Steps forward that no step back has undone.

    Attributes:
        by: what they come to.
        since: the last of them, by the clock as it was set.
    """

    by: timedelta
    since: datetime


@dataclass(frozen=True, slots=True)
class Back:
    """A step back.

    Attributes:
        now: what the clock shows.
        by: how far it went.
        ahead: what it undoes; None = nothing.
        known: incidents at the last look before it; None = nobody looked.
    """

    now: datetime
    by: timedelta
    ahead: Ahead | None
    known: Known | None

    @property
    def undone(self) -> timedelta:
        return _NONE if self.ahead is None else min(self.by, self.ahead.by)

    @property
    def before(self) -> datetime:
        """What the clock would show."""
        return self.now + self.by

    def of_waiting(self, longest: timedelta) -> timedelta:
        """By how much moves what was set before the step, and perhaps before the one forward that it undoes.

        Args:
            longest: that anything of its kind waits: what was set before the step forward has come up since.
        """
        is_past = self.ahead is None or self.ahead.since < self.before - longest
        return self.by if is_past else self.by - self.undone

    def of(self, due: datetime, longest: timedelta, *, is_known: bool) -> timedelta:
        """By how much a deadline moves of which nobody knows when it was set.

        Args:
            due: when it comes up.
            longest: that anything of its kind waits.
            is_known: it was the same at the last look.
        """
        if due > self.now + longest:
            return self.by
        return self.of_waiting(longest) if is_known else _NONE

    def knows(self, key: tuple[str, str], due: datetime, longest: timedelta) -> bool:
        """Whether an incident was due then before the step, or perhaps so, and coming up early is the lesser evil."""
        return self.by <= longest if self.known is None else self.known.get(key) == due


def total(tx: Tx) -> float:
    """Seconds that the clock has stepped in all; forward counts up."""
    return float(facts.get(tx, _FACT) or 0)


def claim(tx: Tx) -> float:
    """The same, locked until the transaction ends."""
    insert_new(tx, hub_facts, {"id": _FACT, "value": "0"})
    statement = tx.lock(select(hub_facts.c.value).where(hub_facts.c.id == _FACT))
    return float(tx.connection.execute(statement).scalar_one())


def seen(tx: Tx) -> datetime | None:
    """What a hub has last seen the clock show, at most some seconds old; None = none ever ran."""
    known = facts.get(tx, _SEEN)
    return None if known is None else datetime.fromisoformat(known)


def see(tx: Tx) -> None:
    """Remember what the clock shows, for the hub that starts next."""
    facts.put(tx, _SEEN, tx.now.isoformat())


def known(tx: Tx) -> Known:
    """When each incident is due."""
    return {(row.organisation, row.subject): row.due_at for row in tx.connection.execute(_INCIDENTS)}


def put(tx: Tx, seconds: float, booked: float) -> None:
    """Book a step.

    Args:
        tx: a transaction that has claimed them.
        seconds: how far, forward counts up.
        booked: what all before it come to.
    """
    facts.put(tx, _FACT, repr(booked + seconds))
    see(tx)
    if seconds > 0:
        before = ahead(tx)
        _put_ahead(tx, timedelta(seconds=seconds) + (_NONE if before is None else before.by), tx.now)


def undo(tx: Tx, by: timedelta, known: Known | None) -> Back:
    """What a step back is to what waits; steps forward that it undoes are settled."""
    back = Back(tx.now, by, ahead(tx), known)
    if back.ahead is not None:
        _put_ahead(tx, back.ahead.by - back.undone, back.ahead.since - back.undone)
    return back


def ahead(tx: Tx) -> Ahead | None:
    """What steps forward have come to that were not undone; None = nothing."""
    text = facts.get(tx, _AHEAD)
    if text is None:
        return None
    value = json.loads(text)
    return (
        Ahead(timedelta(seconds=value["seconds"]), datetime.fromisoformat(value["since"])) if value["seconds"] else None
    )


def _put_ahead(tx: Tx, by: timedelta, since: datetime) -> None:
    facts.put(tx, _AHEAD, json.dumps({"seconds": by.total_seconds(), "since": since.isoformat()}))
