"""Events to the hub, again and again until it has receipted them.

An event is sent first and written to the outbox right after, in the same step: a memory card may take seconds to sync,
and an alarm must not wait for it. A gateway killed in between hears the event again, since its device advertises it
until it is receipted; and the hub takes an event once however often it comes.

A button on a wire repeats nothing. Its alarm is sent by whoever brings it (:meth:`Sender.alarm`), though this step may
be waiting for the card at that moment, and whoever pressed it is told only when it is written or receipted.
"""

from __future__ import annotations

import threading
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Final

import structlog

from gateway.domain import wired
from gateway.domain.outgoing import Outgoing, Rank, Speaker, trouble_event
from gateway.domain.retries import Retries
from protocols.mqtt.envelope import GatewayTrouble
from protocols.mqtt.topics import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.domain.moment import Moment
    from gateway.outbox import Outbox
    from gateway.uplink.mailbox import Mailbox
    from gateway.uplink.ports import Link

log = structlog.get_logger()

BATCH: Final = 100
"""Most events taken, and most sent, in one step."""


class Sender:
    """Used by one thread, except for :meth:`report` and :meth:`alarm`.

    Args:
        speaker: who we are.
        outbox: where events wait.
        link: the alarm connection.
        mailbox: where new events are left.
        receipt_after: told the seconds from hearing an event to its receipt.
        kept: told the id of each alarm of a wired button that is on the disk.
        now: the start.
    """

    def __init__(
        self,
        speaker: Speaker,
        outbox: Outbox,
        link: Link,
        mailbox: Mailbox,
        *,
        receipt_after: Callable[[float], None] = lambda _: None,
        kept: Callable[[str], None] = lambda _: None,
        now: Moment,
    ) -> None:
        self._speaker = speaker
        self._topic = speaker.topic(Channel.EVENT)
        self._outbox = outbox
        self._link = link
        self._mailbox = mailbox
        self._receipt_after = receipt_after
        self._kept = kept
        self._unkept: list[str] = []
        self._started = now.ticks
        self._arrivals = 0
        self._retries = Retries()
        self._since: dict[str, float] = {}
        self._numbers = count(1)
        self._reporting = threading.Lock()
        self._take_found(now)

    def oldest_s(self, now: Moment) -> float:
        """Seconds since the event was heard that waits longest for its receipt; 0 when none does."""
        return max(0.0, now.ticks - min(list(self._since.values()), default=now.ticks))

    def report(self, trouble: GatewayTrouble, detail: str, now: Moment) -> None:
        """An event of the gateway itself; what is reported later has the higher number."""
        with self._reporting:  # numbered and queued in one order, whichever thread reports
            self._mailbox.accept(trouble_event(self._speaker, trouble, detail, number=next(self._numbers), now=now))

    def alarm(self, event: Outgoing, now: Moment) -> None:
        """An event of a wired button, from any thread: tried at once, ahead of everything, and repeated by the step."""
        self._mailbox.accept(event)
        if wired.is_alarm(event):
            self._link.publish(self._topic, event.sent_at(now.ticks, started=self._started))

    def waiting(self, event: str) -> Outgoing | None:
        """The event of this id, until it is receipted."""
        return self._outbox.get(event)

    def receipted(self, events: Sequence[str], now: Moment) -> None:
        """The hub has committed these."""
        for event in events:
            self._done(event, now)
        self._outbox.receipted(events, now)

    def replay(self, restored: int, now: Moment) -> None:
        """The hub was restored from a backup: what it had receipted is offered again, after all that is new."""
        replayed = self._outbox.replay(restored, now)
        if replayed:
            log.warning("the hub was restored from a backup; offering again", restored=restored, events=replayed)
        self._take_found(now)

    def all_due(self, now: Moment) -> None:
        """What was sent before may be lost."""
        self._retries.all_due(now=now.ticks)

    def step(self, now: Moment) -> float | None:
        """Take what is new, send what is due, write. Returns when the next step is due (ticks), None: when woken."""
        taken = self._take_new(now)
        self._notice_connection(now)
        sent = self._send(now)
        self._outbox.flush(now)
        self._say_kept()
        self._take_found(now)
        for saying in self._outbox.sayings():
            self.report(GatewayTrouble.SHEDDING, saying, now)
        if BATCH in {taken, sent}:
            return now.ticks
        return self._retries.next_due() if self._link.connected else None

    def _take_new(self, now: Moment) -> int:
        events = self._mailbox.take_events(BATCH)
        for event in events:
            if self._outbox.hold(event):
                self._wait_for(event, now)
                self._hurry(event)
            if wired.is_alarm(event):
                self._unkept.append(event.id)
        return len(events)

    def _say_kept(self) -> None:
        for event in [event for event in self._unkept if not self._outbox.is_unstored(event)]:
            self._unkept.remove(event)
            self._kept(event)

    def _take_found(self, now: Moment) -> None:
        for event in self._outbox.found():
            self._wait_for(event, now)

    def _wait_for(self, event: Outgoing, now: Moment) -> None:
        if not event.replayed:
            age_s = (now.wall - event.received).total_seconds()
            self._since.setdefault(event.id, now.ticks - max(0.0, age_s))
        self._retries.add(event.id, _turn(event), now=now.ticks)

    def _hurry(self, event: Outgoing) -> None:
        if event.rank is Rank.ALARM:
            self._retries.hurry(event.id)

    def _notice_connection(self, now: Moment) -> None:
        arrivals = self._mailbox.arrivals.times
        if arrivals != self._arrivals:
            self._arrivals = arrivals
            self.all_due(now)

    def _send(self, now: Moment) -> int:
        if not self._link.connected:
            return 0
        due = deque(self._retries.take(now=now.ticks, most=BATCH))
        number = len(due)
        try:
            while due:
                self._send_one(due[0], now)
                due.popleft()
        finally:
            for event in due:
                self._retries.unsent(event, now=now.ticks)
        return number

    def _send_one(self, id_: str, now: Moment) -> None:
        event = self._outbox.get(id_)
        if event is None:
            self._done(id_, now)
        elif self._link.publish(self._topic, event.sent_at(now.ticks, started=self._started)):
            self._retries.sent(id_, now=now.ticks)
        else:
            self._retries.unsent(id_, now=now.ticks)

    def _done(self, id_: str, now: Moment) -> None:
        self._retries.receipted(id_)
        since = self._since.pop(id_, None)
        if since is not None:
            self._receipt_after(now.ticks - since)


def _turn(event: Outgoing) -> Rank:
    """In whose turn it is sent: replayed alarms behind all that is new, and behind the cancels that belong to them.

    A hub that knows of the cancel pages nobody for the pre-alarm.
    """
    return Rank.TROUBLE if event.replayed and event.rank is Rank.ALARM else event.rank
