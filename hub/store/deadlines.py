"""Deadlines are rows: whoever claims one advances what it is about in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select, tuple_, update

from hub.store.tables import deadlines
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from hub.store.store import Tx


class DeadlineKind(StrEnum):
    """What comes up."""

    INCIDENT = "incident"
    SESSION_START = "session_start"
    OVERRUN = "overrun"
    SILENCE = "silence"
    GATEWAY = "gateway"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Deadline:
    """One row. ``subject`` is the id of what it is about."""

    organisation: OrganisationId
    kind: DeadlineKind
    subject: str
    due_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        return self.organisation, self.kind, self.subject


_MOVED: Final = (
    update(deadlines)
    .where(deadlines.c.organisation == bindparam("_organisation"), deadlines.c.subject == bindparam("_subject"))
    .values(due_at=bindparam("_due"))
)


def set_(tx: Tx, organisation: OrganisationId, kind: DeadlineKind, subject: str, due: datetime | None) -> None:
    """Set, move or (None) clear one deadline."""
    key = {"organisation": organisation, "kind": kind, "subject": subject}
    if due is None:
        tx.unit.drop(deadlines, key)
    else:
        tx.unit.put(deadlines, {**key, "due_at": due})


def claim(
    tx: Tx,
    *,
    kinds: Collection[DeadlineKind] = tuple(DeadlineKind),
    leave: Collection[tuple[str, str, str]] = (),
    limit: int = 1,
) -> list[Deadline]:
    """The oldest deadlines that are due, locked against other replicas until this transaction ends.

    Args:
        tx: the transaction; its time decides what is due.
        kinds: which to look at.
        leave: keys to pass over.
        limit: how many at most.
    """
    statement = (
        select(deadlines)
        .where(deadlines.c.due_at <= tx.now, deadlines.c.kind.in_(list(kinds)))
        .order_by(deadlines.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if leave:
        key = tuple_(deadlines.c.organisation, deadlines.c.kind, deadlines.c.subject)
        statement = statement.where(key.not_in(list(leave)))
    return [
        Deadline(OrganisationId(row.organisation), DeadlineKind(row.kind), row.subject, row.due_at)
        for row in tx.connection.execute(statement)
    ]


def are_due(tx: Tx, kinds: Collection[DeadlineKind]) -> bool:
    """Whether any deadline of these kinds is due; nothing is locked."""
    due = select(deadlines.c.due_at).where(deadlines.c.due_at <= tx.now, deadlines.c.kind.in_(list(kinds)))
    return tx.connection.execute(due.limit(1)).first() is not None


def move(tx: Tx, kind: DeadlineKind, due: Mapping[tuple[OrganisationId, str], datetime]) -> None:
    """Move many deadlines of a kind, by organisation and subject; one that is gone meanwhile stays gone."""
    rows = [{"_organisation": of, "_subject": subject, "_due": at} for (of, subject), at in due.items()]
    if rows:
        tx.connection.execute(_MOVED.where(deadlines.c.kind == kind), rows)


def next_due(tx: Tx) -> datetime | None:
    """When the next deadline comes up."""
    due: datetime | None = tx.connection.execute(select(func.min(deadlines.c.due_at))).scalar_one()
    return due
