"""What comes from the hub: receipts, bytes for a device, and whether it is there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from gateway.domain import hubs, receipts, telling
from gateway.domain.hubs import Hubs
from protocols.mqtt.envelope import (
    CommandEnvelope,
    Envelope,
    EnvelopeError,
    GatewayState,
    Outcome,
    ReceiptEnvelope,
    StageData,
    StatusEnvelope,
)
from protocols.mqtt.topics import Channel, hub_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.domain.keyring import Keyring
    from gateway.domain.moment import Moment
    from gateway.domain.outgoing import Speaker
    from gateway.uplink.mailbox import Mailbox
    from gateway.uplink.sender import Sender
    from protocols.ids import Address
    from protocols.mqtt.envelope import ReceiptData, StatusData

log = structlog.get_logger()

BATCH: Final = 100
"""Most messages read in one step."""

Kind = TypeVar("Kind", bound=Envelope[Any])


def subscriptions(speaker: Speaker) -> tuple[str, str, str]:
    """Receipts, commands, and the hub's status."""
    return speaker.topic(Channel.RECEIPT), speaker.topic(Channel.COMMAND), hub_status(speaker.organisation)


def receipted_event(payload: bytes) -> str | None:
    """Which event a receipt names; None = it can't be read."""
    try:
        return ReceiptEnvelope.from_json(payload).data.event
    except EnvelopeError:
        return None  # counted by whoever reads it in its turn


class Inbox:
    """Used by one thread.

    Args:
        speaker: who we are.
        sender: whose events are receipted, and which sends again when the hub comes back.
        mailbox: where the broker's messages are left.
        keyring: of the expected devices.
        tell: takes bytes for a device: address, value, for how many seconds they are worth writing.
        receipted: told the id of each event that waits no longer.
        staged: takes how far an alarm of the gateway's own button has come.
        refused: told of a receipt that does not belong to the event that it names.

    Attributes:
        unreadable: messages from the hub that can't be read, by channel.
        foreign: receipts that name a waiting event but don't belong to it.
    """

    def __init__(
        self,
        speaker: Speaker,
        sender: Sender,
        mailbox: Mailbox,
        *,
        keyring: Keyring,
        tell: Callable[[Address, bytes, float], None],
        receipted: Callable[[str], None] = lambda _: None,
        staged: Callable[[StageData], None] = lambda _: None,
        refused: Callable[[str, Moment], None] = lambda _what, _now: None,
    ) -> None:
        self._sender = sender
        self._mailbox = mailbox
        self._keyring = keyring
        self._tell = tell
        self._receipted = receipted
        self._staged = staged
        self._refused = refused
        self._hubs = Hubs()
        readers = (self._receipts, self._commands, self._hub_status)
        self._readers: dict[str, Callable[[Sequence[bytes], Moment], None]] = dict(
            zip(subscriptions(speaker), readers, strict=True)
        )
        self.unreadable: Counter[str] = Counter()
        self.foreign = 0

    @property
    def hub_online(self) -> bool | None:
        """Whether any replica of the hub is there, by what it says; None before any said anything."""
        return self._hubs.online

    def step(self, now: Moment) -> bool:
        """Read what came; True if there may be more."""
        messages = self._mailbox.take_messages(BATCH)
        for topic, read in self._readers.items():
            read([message.payload for message in messages if message.topic == topic], now)
        for message in messages:
            message.acknowledge()
        return len(messages) == BATCH

    def _receipts(self, payloads: Sequence[bytes], now: Moment) -> None:
        received = [receipt.data for receipt in self._envelopes(Channel.RECEIPT, ReceiptEnvelope, payloads)]
        for data in received:
            if data.address is not None and data.downlink is not None:
                self._tell(data.address, data.downlink, telling.RECEIPT_FOR_S)
        done = [data.event for data in received if self._ends(data, now)]
        if done:
            self._sender.receipted(done, now)
        for event in done:
            self._receipted(event)

    def _ends(self, data: ReceiptData, now: Moment) -> bool:
        """Whether an event waits no longer."""
        event = self._sender.waiting(data.event)
        if event is None:
            return False
        if not receipts.belongs(data, event, self._keyring):
            self.foreign += 1
            log.error("receipt refused: it is not of the event that it names", device=event.device)
            self._refused(f"a receipt that was not sealed for its event, of {event.device}", now)
            return False
        if data.outcome is Outcome.UNREADABLE:
            log.error("the hub could not read an event", device=event.device)
        return True

    def _commands(self, payloads: Sequence[bytes], _now: Moment) -> None:
        for command in self._envelopes(Channel.COMMAND, CommandEnvelope, payloads):
            if isinstance(command.data, StageData):
                self._staged(command.data)
                continue
            # Both times are the hub's: a gateway whose clock is wrong measures the same span.
            span_s = (command.data.expires_at - command.time).total_seconds()
            self._tell(command.data.address, command.data.downlink, min(span_s, telling.COMMAND_MOST_S))

    def _hub_status(self, payloads: Sequence[bytes], now: Moment) -> None:
        for status in self._envelopes(Channel.STATUS, StatusEnvelope, payloads):
            self._hub_is(status.data, now)

    def _hub_is(self, data: StatusData, now: Moment) -> None:
        before, online = self._hubs, data.state is GatewayState.ONLINE
        self._hubs, is_worth_sending = hubs.said(before, data.boot, now.ticks, online=online)
        if self._hubs.online != before.online:
            log.info("the hub is online" if self._hubs.online else "the hub is offline", boot=data.boot)
        if is_worth_sending:
            self._sender.all_due(now)
        if online:
            self._sender.replay(data.restored, now)

    def _envelopes(self, channel: Channel, kind: type[Kind], payloads: Sequence[bytes]) -> list[Kind]:
        found: list[Kind] = []
        for payload in payloads:
            try:
                found.append(kind.from_json(payload))
            except EnvelopeError as unreadable:
                self.unreadable[channel] += 1
                log.warning("unreadable message from the hub", channel=channel, problems=unreadable.problems)
        return found
