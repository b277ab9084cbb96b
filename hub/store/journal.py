"""The journal: append-only, one hash chain per incident and per session. It holds ids, never names or addresses.

The digest of an entry covers everything in it and the digest before it; the head of each chain is kept beside it, so
that entries cut off at the end are noticed too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from hub.store.lookup import Lookup
from hub.store.tables import chains, journal
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx
    from hub.store.unit import Unit

GENESIS: Final = "0" * 64
_HEAD: Final = Lookup(chains, "organisation", "chain", locks=True)
_NONE: Final = SimpleNamespace(length=0, head=GENESIS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a chain."""

    organisation: OrganisationId
    chain: str
    number: int
    at: datetime
    action: str
    by: str | None
    detail: Mapping[str, str]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold.

    Attributes:
        chain: which.
        number: of the entry.
        what: in words.
    """

    organisation: OrganisationId
    chain: str
    number: int
    what: str


def append(
    tx: Tx,
    organisation: OrganisationId,
    chain: str,
    action: str,
    *,
    by: str | None = None,
    detail: Mapping[str, str] | None = None,
) -> None:
    """Add one entry to a chain, in the transaction that does what it says."""
    tx.unit.draft(_write_down, _Draft(organisation, chain, tx.now, action, by, _canonical(detail or {})))


class _Draft(NamedTuple):
    """An entry that is not in its chain yet: it joins it at the end, so that a chain is locked as shortly as can be."""

    organisation: OrganisationId
    chain: str
    at: datetime
    action: str
    by: str | None
    detail: str


def _write_down(unit: Unit, drafts: list[_Draft]) -> None:
    unit.read_ahead(_HEAD, [(draft.organisation, draft.chain) for draft in drafts])
    for draft in drafts:
        (head,) = unit.rows(_HEAD, draft.organisation, draft.chain) or [_NONE]
        number = head.length + 1
        digest = _digest(draft.organisation, draft.chain, number, *draft[2:], head.head)
        values = draft._asdict() | {"number": number, "previous": head.head, "digest": digest}
        unit.insert(journal, values)
        chain = {"organisation": draft.organisation, "chain": draft.chain, "length": number, "head": digest}
        unit.put(chains, chain)


def _canonical(detail: Mapping[str, str]) -> str:
    return json.dumps(dict(detail), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _digest(
    organisation: str, chain: str, number: int, at: datetime, action: str, by: str | None, detail: str, previous: str
) -> str:
    fields = [organisation, chain, number, at.isoformat(timespec="microseconds"), action, by, detail, previous]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        OrganisationId(row.organisation),
        row.chain,
        row.number,
        row.at,
        row.action,
        row.by,
        json.loads(row.detail),
        row.previous,
        row.digest,
    )


def read(tx: Tx, organisation: OrganisationId, chain: str) -> list[Entry]:
    """One chain, from its beginning."""
    where = (journal.c.organisation == organisation, journal.c.chain == chain)
    return [_entry(row) for row in tx.connection.execute(select(journal).where(*where).order_by(journal.c.number))]


def latest(
    tx: Tx, organisation: OrganisationId, *, before: int | None = None, chain: str | None = None, limit: int = 100
) -> list[tuple[int, Entry]]:
    """The newest entries of all chains (or one) first, each with its number in this hub; older than ``before``."""
    statement = select(journal).where(journal.c.organisation == organisation)
    if before is not None:
        statement = statement.where(journal.c.id < before)
    if chain:
        statement = statement.where(journal.c.chain == chain)
    rows = tx.connection.execute(statement.order_by(journal.c.id.desc()).limit(limit))
    return [(row.id, _entry(row)) for row in rows]


def newer(tx: Tx, organisation: OrganisationId, chain: str, number: int) -> list[str]:
    """What was written into one chain after entry ``number``: the actions, in order."""
    where = (journal.c.organisation == organisation, journal.c.chain == chain, journal.c.number > number)
    return list(tx.connection.execute(select(journal.c.action).where(*where).order_by(journal.c.number)).scalars())


def last(tx: Tx, organisation: OrganisationId, chosen: Collection[str], actions: Collection[str]) -> dict[str, int]:
    """The number of the newest entry with one of ``actions``, of each of the chains that has any."""
    where = (journal.c.organisation == organisation, journal.c.chain.in_(chosen), journal.c.action.in_(actions))
    grouped = (
        select(journal.c.chain, func.max(journal.c.number).label("newest")).where(*where).group_by(journal.c.chain)
    )
    return {row.chain: row.newest for row in tx.connection.execute(grouped)}


def newest_of(tx: Tx, organisation: OrganisationId, chain: str, actions: Collection[str]) -> dict[str, int]:
    """The number of the newest entry of one chain with each of ``actions`` that it has."""
    where = (journal.c.organisation == organisation, journal.c.chain == chain, journal.c.action.in_(actions))
    grouped = (
        select(journal.c.action, func.max(journal.c.number).label("newest")).where(*where).group_by(journal.c.action)
    )
    return {row.action: row.newest for row in tx.connection.execute(grouped)}


def newest(tx: Tx) -> int:
    """A number that rises with every entry of any chain: when it stands still, nothing happened."""
    return int(tx.connection.execute(select(func.coalesce(func.max(journal.c.id), 0))).scalar_one())


def verify(tx: Tx) -> Iterator[Break]:
    """Every place where a chain does not hold; nothing at all when the journal is whole."""
    heads = {(row.organisation, row.chain): row for row in tx.connection.execute(select(chains))}
    ends: dict[tuple[str, str], tuple[int, str]] = {}
    ordered = select(journal).order_by(journal.c.organisation, journal.c.chain, journal.c.number)
    for row in tx.connection.execute(ordered):
        key = (row.organisation, row.chain)
        number, previous = ends.get(key, (0, GENESIS))
        yield from _check(row, number + 1, previous)
        ends[key] = (row.number, row.digest)
    for key in heads.keys() | ends.keys():
        yield from _check_head(key, heads.get(key), ends.get(key))


def _check(row: Row[Any], number: int, previous: str) -> Iterator[Break]:
    where = (OrganisationId(row.organisation), row.chain, row.number)
    if row.number != number:
        yield Break(*where, f"entry {number} is missing")
    elif row.previous != previous:
        yield Break(*where, "does not follow the entry before it")
    fields = (row.organisation, row.chain, row.number, row.at, row.action, row.by, row.detail, row.previous)
    if _digest(*fields) != row.digest:
        yield Break(*where, "was changed")


def _check_head(key: tuple[str, str], head: Row[Any] | None, end: tuple[int, str] | None) -> Iterator[Break]:
    kept = None if head is None else (head.length, head.head)
    if kept != end:
        yield Break(OrganisationId(key[0]), key[1], end[0] if end else 0, "does not end where its head says")
