"""Leased rows of the outbox, handed to their channels; sent at least once, looked at again just before.

A row is marked only after its channel has taken the message: a process that dies in between sends it once more.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from hub.cases import incidents, notify
from hub.cases.desk import Desk
from hub.cases.telling import DOWNLINK
from hub.channels.port import ChannelError
from hub.dispatcher import downlinks, facts
from hub.domain.incident import Message
from hub.store import faults, outbox
from hub.store.faults import FaultKind
from hub.store.outbox import ItemKind, ItemState
from hub.store.store import Rank, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor, Future

    from hub.cases.desk import Routes
    from hub.channels.port import Channel, Outgoing
    from hub.metrics import HubMetrics
    from hub.store.outbox import Item
    from hub.store.store import Store, Tx
    from protocols.ids import OrganisationId

log = structlog.get_logger()

PLACES: Final = 6
"""Messages under way at once per channel, so that none that hangs holds up another."""
SHARE: Final = PLACES - 1
"""Of them, those that one organisation may have: there is always one for the alarm of another."""
FAULT_AFTER: Final = 3
"""Failures in a row of one message before the channel is called failing."""
_BACKOFF_S: Final = (2, 4, 8, 16, 30)


class _UnderWay(NamedTuple):
    """A message that is being sent."""

    organisation: OrganisationId
    future: Future[None]


class Dispatcher:
    """Sends what is due.

    Args:
        store: where the outbox is.
        routes: for telling people of a channel that fails.
        channels: by name.
        publish: hands a downlink to the broker; False when there is no connection.
        public_url: links begin with it.
        executor: runs the sending; slow channels must not hold up the others.
        metrics: of the hub.
        wake: called when a place becomes free, so that the next row is looked for at once.
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        channels: Mapping[str, Channel],
        *,
        publish: Callable[[str, bytes], bool],
        public_url: str,
        executor: Executor,
        metrics: HubMetrics,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._routes = routes
        self._channels = channels
        self._publish = publish
        self._public_url = public_url.rstrip("/")
        self._executor = executor
        self._metrics = metrics
        self._wake = wake
        self._running: dict[str, dict[str, _UnderWay]] = {name: {} for name in (DOWNLINK, *channels)}

    def step(self) -> int:
        """Lease what is due, as far as there is a free place, and start sending it; how many there were.

        Raises:
            StoreUnavailableError: the database does not answer; what is due stays due.
        """
        free = [channel for channel in self._running if self._free(channel)]
        held = {channel: Counter(one.organisation for one in self._running[channel].values()) for channel in free}
        items = self._store.write(partial(_lease, held=held), rank=Rank.ALARM) if held else []
        for item in sorted(items, key=attrgetter("rank")):
            self._start(item)
        return len(items)

    def _free(self, channel: str) -> int:
        """Free places of one channel."""
        running = self._running[channel] = {
            number: one for number, one in self._running[channel].items() if not one.future.done()
        }
        return PLACES - len(running)

    def _start(self, item: Item) -> None:
        """Start sending. What is still being sent since it was leased before keeps its new lease and waits."""
        running = self._running[item.channel]
        if item.id not in running:
            running[item.id] = _UnderWay(item.organisation, self._executor.submit(self._handle, item))

    def _handle(self, item: Item) -> None:
        try:
            if item.channel == DOWNLINK:
                work = partial(downlinks.send, item=item, publish=self._publish, routes=self._routes)
                self._store.write(work, rank=Rank.ALARM)
            else:
                self._notify(item)
        except Exception:  # the lease ends and somebody tries again; never quietly
            self._metrics.loop_errors.labels("dispatcher").inc()
            log.exception("sending failed", item=item.id, channel=item.channel)
        finally:
            self._wake()

    def _notify(self, item: Item) -> None:
        try:
            said = self._send(item)
        except ChannelError as failure:
            self._failed(item, failure)
        except StoreUnavailableError:
            raise
        except Exception as failure:
            log.exception("channel broke", item=item.id, channel=item.channel)
            self._failed(item, ChannelError(item.channel, repr(failure), permanent=False))
        else:
            self._sent(item, said)

    def _send(self, item: Item) -> str | None:
        """Hand it to its channel; what the other side said, or None when it is no longer wanted.

        Raises:
            ChannelError: it was not taken.
        """
        outgoing = self._store.read(lambda tx: self._prepare(tx, item))
        if outgoing is None:
            return None
        if item.attempts == 0 and item.message in {Message.ALARM, Message.DURESS}:
            self._metrics.press_to_first_attempt.observe(outgoing.facts.age_s)
        return self._channels[item.channel].send(outgoing)

    def _prepare(self, tx: Tx, item: Item) -> Outgoing | None:
        if not outbox.is_wanted(tx, item) or not facts.still_wanted(tx, item):
            return None
        to = facts.target(tx, item)
        if to is None:
            raise ChannelError(item.channel, f"{item.recipient} has no address any more", permanent=True)
        return facts.outgoing(tx, item, to, self._channels[item.channel].carries, self._public_url)

    def _sent(self, item: Item, said: str | None) -> None:
        if said is None:
            self._store.write(lambda tx: outbox.finish(tx, item, ItemState.CANCELLED, "no longer wanted"))
            return
        self._metrics.sends.labels(item.channel, "sent").inc()

        def work(tx: Tx) -> None:
            if more := outbox.grown(tx, item):
                outbox.add_rest(tx, item, more, tx.now + notify.FURTHER_EVERY)
            outbox.finish(tx, item, ItemState.SENT, said)
            faults.clear(tx, item.organisation, FaultKind.CHANNEL_FAILING, _subject(item))

        self._store.write(work, rank=Rank.ALARM)

    def _failed(self, item: Item, failure: ChannelError) -> None:
        self._metrics.sends.labels(item.channel, "refused" if failure.permanent else "failed").inc()
        log.warning("notification not taken", item=item.id, channel=item.channel, detail=failure.detail)
        self._store.write(lambda tx: self._write_failure(tx, item, failure), rank=Rank.ALARM)
        if failure.permanent and item.kind is ItemKind.ALERT:
            self._store.write(lambda tx: incidents.unreached(Desk(tx, self._routes), item), rank=Rank.ALARM)

    def _write_failure(self, tx: Tx, item: Item, failure: ChannelError) -> None:
        if failure.permanent:
            outbox.finish(tx, item, ItemState.FAILED, failure.detail)
        else:
            wait = _BACKOFF_S[min(item.attempts, len(_BACKOFF_S) - 1)]
            outbox.retry(tx, item, tx.now + timedelta(seconds=wait), failure.detail)
        if failure.permanent or item.attempts + 1 >= FAULT_AFTER:
            desk = Desk(tx, self._routes)
            notify.fault(desk, item.organisation, FaultKind.CHANNEL_FAILING, _subject(item), failure.detail)


def _lease(tx: Tx, held: Mapping[str, Counter[OrganisationId]]) -> list[Item]:
    """What is due, of all channels at once: nothing waits for the commit of what goes another way.

    Args:
        tx: the transaction.
        held: the channels with a free place, and how many of each organisation are under way there.
    """
    due = outbox.channels_due(tx)
    return [
        item
        for channel, under_way in held.items()
        if channel in due
        for item in _lease_of(tx, channel, under_way, due[channel])
    ]


def _lease_of(tx: Tx, channel: str, under_way: Counter[OrganisationId], only: OrganisationId | None) -> Sequence[Item]:
    free = PLACES - under_way.total()
    if only is None:
        return outbox.lease(tx, channel, free, under_way, SHARE)
    places = min(free, SHARE - under_way[only])
    return outbox.lease_alone(tx, channel, places) if places > 0 else []


def _subject(item: Item) -> str:
    return f"{item.channel} to {item.recipient}"
