"""A million lone workers out at once, written straight into the tables: who wears what, when it was last heard.

Only what the watches look at: sessions, deadlines, assignments, presence, gateways. It is as it would be some time
after everybody went out: each was heard within the last digest, each is looked at again when the limit is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hub.domain.session import GRACE, Risk, SessionPhase
from hub.store import directory, tables
from hub.store.deadlines import DeadlineKind
from hub.store.directory import Account, Organisation, Role
from protocols.ids import OrganisationId
from protocols.mqtt.envelope import GatewayState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, Engine, Table

    from hub.store.store import Tx

Values: TypeAlias = "dict[str, Any]"
PER_ORGANISATION: Final = 5_000
PER_GATEWAY: Final = 50
DIGEST_EVERY: Final = timedelta(seconds=10)
HEARD_FOR: Final = timedelta(minutes=15)
"""Nobody falls silent by himself before that is over."""
_AT_ONCE: Final = 20_000
_SLOWER: Final = 1.3
"""The more there is already, the longer it takes to write more."""
_LIMIT: Final = Risk.NORMAL.silence_limit


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many people, all out since an hour, at ``now``.

    Attributes:
        people: how many.
        now: when this is; what comes up is spread over the limit that follows.
    """

    people: int
    now: datetime

    def found(self, tx: Tx) -> None:
        """Its organisations, each with one supervisor."""
        for index in range(0, self.people, PER_ORGANISATION):
            of = organisation(index)
            directory.add_organisation(tx, Organisation(of, of, "Europe/London"))
            directory.add_account(tx, Account(of, "sam", "Sam", f"sam@{of}.example", Role.SUPERVISOR))

    def heard_at(self, index: int) -> datetime:
        """As if its digests went on coming for a while; in another order than the people's, as chance has it."""
        return self.now + HEARD_FOR - DIGEST_EVERY * (index * 7919 % 1000) / 1000

    def due_at(self, index: int) -> datetime:
        return self.now + _LIMIT * (index * 104_729 % 10_007) / 10_007


def time_to_fill(engine: Engine, people: int) -> timedelta:
    """How long :func:`fill` should take on this machine."""
    few = Crowd(min(people, _AT_ONCE), now())
    start = now()
    with engine.connect() as connection, connection.begin() as transaction:
        _write(connection, few)
        transaction.rollback()
    return (now() - start) * (people / few.people) * _SLOWER


def fill(engine: Engine, crowd: Crowd) -> None:
    """Write everybody."""
    with engine.begin() as connection:
        _write(connection, crowd)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _write(connection: Connection, crowd: Crowd) -> None:
    for table, row in _ROWS:
        _load(connection, table, (row(crowd, index) for index in range(crowd.people)))
    gateways = range(0, crowd.people, PER_GATEWAY)
    _load(connection, tables.gateways, (_gateway(crowd, index) for index in gateways))
    _load(connection, tables.deadlines, (_gateway_watch(crowd, index) for index in gateways))


def _load(connection: Connection, table: Table, rows: Iterator[Values]) -> None:
    """By the driver's own means: PostgreSQL's COPY, SQLite's prepared statement."""
    load = _copy if connection.dialect.name == "postgresql" else _insert
    while batch := list(islice(rows, _AT_ONCE)):
        load(connection, table, batch)


def _copy(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    names = list(rows[0])
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(list(row.values()))


def _insert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    marks = ", ".join("?" * len(rows[0]))
    cursor: Any = connection.connection.cursor()
    cursor.executemany(
        f"INSERT INTO {table.name} ({', '.join(rows[0])}) VALUES ({marks})",  # noqa: S608 - names of our own tables
        [[_text(value) for value in row.values()] for row in rows],
    )


def _text(value: object) -> object:
    """As :class:`hub.store.tables.Instant` keeps a time in SQLite."""
    return f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value


def organisation(index: int) -> OrganisationId:
    return OrganisationId(f"crowd-{index // PER_ORGANISATION:04}")


def worker(index: int) -> str:
    return f"w{index:07}"


def session(index: int) -> str:
    return f"s{index:07}"


def address(index: int) -> str:
    octets = (0xC0, 0xFE, *index.to_bytes(4, "big"))
    return ":".join(f"{octet:02X}" for octet in octets)


def _gateway_id(index: int) -> str:
    return f"g{index // PER_GATEWAY:06}"


def _session(crowd: Crowd, index: int) -> Values:
    ends = crowd.now + timedelta(hours=2)
    return {
        "organisation": organisation(index),
        "id": session(index),
        "worker": worker(index),
        "place": "round",
        "phase": str(SessionPhase.ACTIVE),
        "risk": str(Risk.NORMAL),
        "starts_at": crowd.now - timedelta(hours=1),
        "ends_at": ends,
        "wears_device": True,
        "overrun_due": ends + GRACE,
        "silence_due": crowd.due_at(index),
    }


def _silence(crowd: Crowd, index: int) -> Values:
    kind = str(DeadlineKind.SILENCE)
    return _deadline(index, kind, session(index), crowd.due_at(index))


def _overrun(crowd: Crowd, index: int) -> Values:
    kind = str(DeadlineKind.OVERRUN)
    return _deadline(index, kind, session(index), crowd.now + timedelta(hours=2) + GRACE)


def _gateway_watch(crowd: Crowd, index: int) -> Values:
    kind = str(DeadlineKind.GATEWAY)
    return _deadline(index, kind, _gateway_id(index), crowd.now + timedelta(hours=1))


def _deadline(index: int, kind: str, subject: str, due: datetime) -> Values:
    return {"organisation": organisation(index), "kind": kind, "subject": subject, "due_at": due}


def _assignment(crowd: Crowd, index: int) -> Values:
    return {
        "organisation": organisation(index),
        "id": f"a{index:07}",
        "address": address(index),
        "worker": worker(index),
        "since": crowd.now - timedelta(days=30),
    }


def _presence(crowd: Crowd, index: int) -> Values:
    at = crowd.heard_at(index)
    return {
        "organisation": organisation(index),
        "address": address(index),
        "enrolment": 1,
        "generation": 0,
        "counter": 360,
        "heard_at": at,
        "gateway": _gateway_id(index),
        "battery": 80,
        "worn": True,
        "fault": False,
        "epoch": 1,
        "sequence": 1,
        "told": 0,
        "mark_counter": 300,
        "mark_at": at - timedelta(minutes=10),
        "next_mark_counter": 330,
        "next_mark_at": at - timedelta(minutes=5),
        "passed": 0,
    }


def _gateway(crowd: Crowd, index: int) -> Values:
    return {
        "organisation": organisation(index),
        "id": _gateway_id(index),
        "state": str(GatewayState.ONLINE),
        "boot": "b",
        "version": "1",
        "outbox_depth": 0,
        "blind": False,
        "heard_at": crowd.now + timedelta(hours=1),
    }


_ROWS: Final[tuple[tuple[Table, Callable[[Crowd, int], Values]], ...]] = (
    (tables.sessions, _session),
    (tables.deadlines, _silence),
    (tables.deadlines, _overrun),
    (tables.assignments, _assignment),
    (tables.presence, _presence),
)


def now() -> datetime:
    return datetime.now(UTC)
