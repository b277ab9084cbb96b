"""Faults put into the product on purpose, to see that the exploration finds them.

Each is a small patch, in force within a context. What finds it, and within how many seeds, stands in docs/explore.md
and is tested.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch
from zoneinfo import ZoneInfo

from sqlalchemy import select

from gateway.domain import hearing, retries
from gateway.outbox.outbox import Outbox
from hub import ticker
from hub.cases import incidents as cases
from hub.cases.desk import Desk
from hub.dispatcher import Dispatcher
from hub.domain import incident, repeats
from hub.domain.incident import Outcome, Phase
from hub.domain.ladder import LADDER
from hub.domain.session import Risk
from hub.ingest.events import EventIngest
from hub.store import deadlines, events, incidents, journal, steps
from hub.store.outbox import ItemKind
from hub.store.store import Store
from hub.store.tables import events as rows
from protocols.events import Stage
from simulator.explore.network import SimulatedConnection
from tocsin.mqtt import Connection, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Change = tuple[object, str, Any]
_LONDON: Final = ZoneInfo("Europe/London")


def _ack_before_commit() -> list[Change]:
    step = EventIngest.step

    def hasty(self: EventIngest, batch: Any) -> Any:  # noqa: ANN401 - as the product has it
        for message in batch:
            message.acknowledge()
        return step(self, batch)

    return [(EventIngest, "step", hasty)]


def _receipt_before_commit() -> list[Change]:
    one, receipt = EventIngest._one, EventIngest._receipt  # noqa: SLF001 - what is patched

    def hasty(self: EventIngest, tx: Any, letter: Any) -> Any:  # noqa: ANN401 - as above
        done = one(self, tx, letter)
        if done is not None:
            receipt(self, done)
        return done

    return [(EventIngest, "_one", hasty)]


def _ack_of_another_connection() -> list[Change]:
    class Present:
        """Acknowledges on whatever connection there is by then."""

        def __init__(self, of: Connection) -> None:
            self._of = of

        def ack(self, mid: int, qos: int) -> None:
            client = self._of._client  # noqa: SLF001 - what is patched
            if client is not None:
                client.ack(mid, qos)

    def careless(self: Connection, _client: Any, _data: object, message: Any) -> None:  # noqa: ANN401 - as above
        present: Any = Present(self)
        self._on_message(Received(message.topic, message.payload, message.retain, self.arrived(), message, present))

    return [(Connection, "_received", careless)]


def _dead_man_before_backlog() -> list[Change]:
    return [(ticker, "HOLD", timedelta(0))]


def _mark_before_send() -> list[Change]:
    notify, sent = Dispatcher._notify, Dispatcher._sent  # noqa: SLF001 - what is patched

    def marks(self: Dispatcher, item: Any) -> None:  # noqa: ANN401 - as above
        sent(self, item, "taken for granted")
        with patch.object(Dispatcher, "_prepare", _prepare_anyway):
            notify(self, item)

    prepare = Dispatcher._prepare  # noqa: SLF001 - what is patched

    def _prepare_anyway(self: Dispatcher, tx: Any, item: Any) -> Any:  # noqa: ANN401 - as above
        with patch("hub.store.outbox.is_wanted", lambda *_: True):
            return prepare(self, tx, item)

    return [(Dispatcher, "_notify", marks)]


def _identity_without_epoch() -> list[Change]:
    def known(tx: Any, organisation: str, identity: Any, _enrolment: int) -> list[repeats.Known]:  # noqa: ANN401 - as above
        where = (rows.c.address == identity.address, rows.c.sequence == identity.sequence)
        found = tx.connection.execute(select(rows).where(rows.c.organisation == organisation, *where))
        return [
            repeats.Known(Stage(row.stage), row.life, row.counter, row.frame, row.observed_at, believed=True)
            for row in found
        ]

    return [(events, "known", known)]


def _local_time() -> list[Change]:
    set_, values = deadlines.set_, incidents._values  # noqa: SLF001 - what is patched

    def wall(due: Any) -> Any:  # noqa: ANN401 - as above
        return None if due is None else due.astimezone(_LONDON).replace(tzinfo=UTC)

    def local(tx: Any, organisation: Any, kind: Any, subject: str, due: Any) -> None:  # noqa: ANN401 - as above
        set_(tx, organisation, kind, subject, wall(due))

    def local_values(record: Any) -> Any:  # noqa: ANN401 - as above
        return {**values(record), "due": wall(record.state.due)}

    return [(deadlines, "set_", local), (incidents, "_values", local_values)]


def _outbox_trusts_the_broker() -> list[Change]:
    up = SimulatedConnection.up

    def trusting(self: SimulatedConnection, client: Any) -> None:  # noqa: ANN401 - as above
        up(self, client)
        process: Any = client.process

        def taken(packet: Any) -> None:  # noqa: ANN401 - as above
            if packet.topic.endswith("/event"):
                process.sender.receipted([json.loads(packet.payload)["id"]], process.clock.moment())

        client.acknowledged = taken

    return [(SimulatedConnection, "up", trusting)]


def _receipts_in_memory() -> list[Change]:
    def forgetful(self: Outbox, receipted: Any, _now: object) -> None:  # noqa: ANN401 - as above
        for event in receipted:
            self._forget(event)

    return [(Outbox, "receipted", forgetful)]


def _gateway_gives_up() -> list[Change]:
    return [(retries, "DELAYS_S", (2.0, 4.0, 86400.0))]


def _ladder_from_when_it_ran() -> list[Change]:
    def late(rung: int, _due: object, now: Any, *, again: bool) -> Any:  # noqa: ANN401, ARG001 - as above
        return now + LADDER[rung].wait

    return [(incident, "next_due", late)]


def _cancel_closes() -> list[Change]:
    withdrawn = incident._withdrawn  # noqa: SLF001 - what is patched

    def closes(state: Any, event: Any) -> Any:  # noqa: ANN401 - as above
        after, effects = withdrawn(state, event)
        if event.by_wearer and state.phase is Phase.OPEN:
            return replace(after, phase=Phase.CLOSED, due=None, outcome=Outcome.FALSE_ALARM), effects
        return after, effects

    return [(incident, "_withdrawn", closes)]


def _mail_takes() -> list[Change]:
    sent = Dispatcher._sent  # noqa: SLF001 - what is patched

    def takes(self: Dispatcher, item: Any, said: str | None) -> None:  # noqa: ANN401 - as above
        sent(self, item, said)
        if said is not None and item.kind is ItemKind.ALERT:
            by = item.recipient.partition(":")[2]
            self._store.write(lambda tx: cases.take(Desk(tx, self._routes), item.organisation, item.incident, by))

    return [(Dispatcher, "_sent", takes)]


def _journal_outside() -> list[Change]:
    append, commit = journal.append, Store._commit  # noqa: SLF001 - what is patched
    later: list[Callable[[Any], None]] = []

    def put_off(_tx: object, *what: Any, **more: Any) -> None:  # noqa: ANN401 - as above
        later.append(lambda tx: append(tx, *what, **more))

    @wraps(commit)
    def commits(self: Store, work: Any, **how: Any) -> Any:  # noqa: ANN401 - as above
        later.clear()
        result = commit(self, work, **how)
        entries = list(later)
        if entries:
            commit(self, partial(_all, entries))
        return result

    return [(journal, "append", put_off), (Store, "_commit", commits)]


def _all(entries: list[Callable[[Any], None]], tx: Any) -> None:  # noqa: ANN401 - as above
    for entry in entries:
        entry(tx)


def _heard_without_epoch() -> list[Change]:
    return [(hearing, "key_of", lambda report: (0, report.identity.sequence, int(report.stage)))]


def _silence_limit_doubled() -> list[Change]:
    limit: Any = vars(Risk)["silence_limit"]
    return [(Risk, "silence_limit", property(lambda self: 2 * limit.fget(self)))]


def _step_moves_everything() -> list[Change]:
    return [
        (steps.Back, "of", lambda back, *_, **__: back.by),
        (steps.Back, "knows", lambda *_: True),
    ]


FAULTS: Final[dict[str, tuple[Callable[[], list[Change]], str]]] = {
    "ack-before-commit": (_ack_before_commit, "MQTT is acknowledged before the commit"),
    "receipt-before-commit": (_receipt_before_commit, "the receipt goes out before the commit"),
    "ack-of-another-connection": (_ack_of_another_connection, "a message id of an earlier connection is acknowledged"),
    "dead-man-before-backlog": (_dead_man_before_backlog, "silence is believed before the backlog is read"),
    "mark-before-send": (_mark_before_send, "a notification is marked as sent before it is"),
    "identity-without-epoch": (_identity_without_epoch, "an event is known by its number without the boot epoch"),
    "local-time": (_local_time, "deadlines are kept in local time"),
    "outbox-trusts-broker": (_outbox_trusts_the_broker, "the gateway forgets an event at the broker's PUBACK"),
    "receipts-in-memory": (_receipts_in_memory, "the gateway keeps its receipts in memory only"),
    "gateway-gives-up": (_gateway_gives_up, "the gateway gives up after three attempts"),
    "ladder-from-when-it-ran": (_ladder_from_when_it_ran, "a rung counts from when the last one ran"),
    "cancel-closes": (_cancel_closes, "the wearer's cancel closes an open alarm"),
    "mail-takes": (_mail_takes, "a mail that was delivered counts as somebody having it"),
    "journal-outside": (_journal_outside, "the journal is written in a transaction of its own"),
    "heard-without-epoch": (_heard_without_epoch, "a gateway knows an event by its number without the boot epoch"),
    "silence-limit-doubled": (_silence_limit_doubled, "silence is looked for after twice the stated time"),
    "step-moves-everything": (_step_moves_everything, "a clock set back moves deadlines that were set after it"),
}
"""Name -> the patch, and what it is in words."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product with one fault."""
    with ExitStack() as stack:
        for where, what, instead in FAULTS[name][0]():
            stack.enter_context(patch.object(where, what, instead))
        yield
