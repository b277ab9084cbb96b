"""The event topic: decoded, recorded in one transaction, receipted after commit, acknowledged last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

import structlog

from hub.cases import ahead, device_keys, hearing, notify, recording, wired
from hub.cases.ahead import Expected
from hub.cases.desk import Desk
from hub.cases.opening import UnknownDeviceError, open_frame
from hub.cases.recording import Recorded
from hub.domain.matching import Verdict
from hub.domain.quoting import said_by
from hub.store import credentials, incidents
from hub.store import events as event_rows
from hub.store.events import Heard
from hub.store.faults import FaultKind
from hub.store.store import Rank, StoreUnavailableError
from hub.store.vault import SealedError
from hub.store.wired_events import WiredEvent
from protocols.ble import bthome
from protocols.events import ALARM_STAGES
from protocols.ids import EventIdentity, GatewayId
from protocols.mqtt import topics
from protocols.mqtt.envelope import (
    ButtonData,
    ButtonSign,
    EnvelopeError,
    EventEnvelope,
    FrameData,
    GatewayEventData,
    GatewayTrouble,
    Outcome,
    ReceiptData,
    ReceiptEnvelope,
    TimeQuality,
    claimed_id,
    event_id,
)
from protocols.mqtt.topics import Channel, Topic, TopicError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hub.cases.ahead import Device
    from hub.cases.desk import Routes
    from hub.metrics import HubMetrics
    from hub.store.store import Store, Tx
    from tocsin.mqtt import Received

log = structlog.get_logger()

BATCH: Final = 256
OLDEST: Final = timedelta(days=366)
"""No gateway keeps an event for longer; a time further back is a broken clock's, or a lie."""
_PARTS, _DIGITS = 3, 6
"""Of an event's id (``protocols.mqtt.envelope.event_id``): its numbers, and how long they may be."""


@dataclass(frozen=True, slots=True)
class Done:
    """A message that is committed, and what must now be said about it."""

    topic: Topic
    event: str | None
    recorded: Recorded
    at: datetime


class Later(Enum):
    """Instead of :class:`Done`: put off."""

    LATER = "later"


LATER: Final = Later.LATER
PUT_OFF: Final = 3
"""Steps in a row that put something off; the next one waits for whoever has it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, opened as far as it can be read.

    Attributes:
        topic: None when it is none of ours.
        envelope: None when it can't be read.
        problems: why it can't.
    """

    message: Received
    topic: Topic | None = None
    envelope: EventEnvelope | None = None
    problems: tuple[str, ...] = ()


def _address(letter: Letter) -> str:
    """Batches are recorded in this order, so that two replicas take the locks of two devices in the same order."""
    data = None if letter.envelope is None else letter.envelope.data
    return data.address if isinstance(data, FrameData) else ""


def _expected(letter: Letter) -> Expected | None:
    """What the message says that it is about; its frame has not been opened yet."""
    envelope, topic = letter.envelope, letter.topic
    if envelope is None or topic is None or not isinstance(envelope.data, FrameData):
        return None
    numbers = [int(part) for part in envelope.id.split("-")[1:] if part.isdecimal() and len(part) <= _DIGITS]
    epoch, sequence, stage = numbers if len(numbers) == _PARTS else (0, 0, -1)
    return Expected(topic.organisation, EventIdentity(envelope.data.address, epoch, sequence), stage)


def _device(letter: Letter) -> Device | None:
    expected = _expected(letter)
    return None if expected is None else expected.device


class EventIngest:
    """Records events.

    Args:
        store: where.
        routes: how people are reached.
        publish: hands a receipt to the broker.
        metrics: of the hub.
        shares: other replicas record events too.
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        publish: Callable[[str, bytes], bool],
        metrics: HubMetrics,
        *,
        shares: bool = False,
    ) -> None:
        self._shares = shares
        self._put_off = 0
        self._store = store
        self._routes = routes
        self._publish = publish
        self._metrics = metrics

    def step(self, batch: Sequence[Received]) -> list[Received]:
        """Record a batch, then receipt it, then acknowledge it.

        Returns:
            What was put off, for the next step: it is of devices that another replica had in hand.

        Raises:
            StoreUnavailableError: nothing was recorded, nothing acknowledged; call again with the same batch.
        """
        letters = sorted((self._open(message) for message in batch), key=_address)
        later = []
        with self._metrics.receipt_latency.time():
            for letter, done in zip(letters, self._record(letters), strict=True):
                if done is LATER:
                    later.append(letter.message)
                    continue
                if isinstance(done, Done):
                    self._receipt(done)
                letter.message.acknowledge()
        self._put_off = self._put_off + 1 if later else 0
        return later

    def _open(self, message: Received) -> Letter:
        try:
            topic = topics.parse(message.topic)
        except TopicError as wrong:
            self._metrics.refused.labels("event", "topic").inc()
            log.warning("message refused", error=str(wrong))
            return Letter(message)
        if topic.channel is not Channel.EVENT or topic.gateway == topics.HUB:  # amqtt hands retained ones to everybody
            self._metrics.refused.labels("event", "channel").inc()
            return Letter(message)
        try:
            return Letter(message, topic, EventEnvelope.from_json(message.payload))
        except EnvelopeError as wrong:
            return Letter(message, topic, problems=tuple(wrong.problems))

    def _record(self, letters: Sequence[Letter]) -> list[Done | Later | None]:
        try:
            return self._store.write(lambda tx: self._all(tx, letters), rank=Rank.ALARM)
        except StoreUnavailableError:
            raise
        except Exception:  # one message spoils the batch: find it
            self._metrics.loop_errors.labels("ingest").inc()
            log.exception("batch failed; recording one by one", size=len(letters))
            return [self._alone(letter) for letter in letters]

    def _alone(self, letter: Letter) -> Done | Later | None:
        try:
            return self._store.write(lambda tx: self._all(tx, [letter]), rank=Rank.ALARM)[0]
        except StoreUnavailableError:
            raise
        except Exception as failure:
            broken = replace(letter, envelope=None, problems=(f"recording failed: {failure!r}",))
            log.exception("message failed", topic=letter.message.topic)
            return self._store.write(lambda tx: self._all(tx, [broken]), rank=Rank.ALARM)[0]

    def _all(self, tx: Tx, letters: Sequence[Letter]) -> list[Done | Later | None]:
        busy = self._in_other_hands(tx, letters)
        recorded = iter(self._these(tx, [letter for letter in letters if _device(letter) not in busy]))
        return [LATER if _device(letter) in busy else next(recorded) for letter in letters]

    def _in_other_hands(self, tx: Tx, letters: Sequence[Letter]) -> set[Device | None]:
        """Devices to pass over instead of waiting for another replica; none if nothing else is left, or too often."""
        if not self._shares or self._put_off >= PUT_OFF:
            return set()
        busy = ahead.in_other_hands(tx, [one for letter in letters if (one := _expected(letter)) is not None])
        return set() if all(_device(letter) in busy for letter in letters) else {*busy}

    def _these(self, tx: Tx, letters: Sequence[Letter]) -> list[Done | None]:
        ahead.read(tx, [expected for letter in letters if (expected := _expected(letter)) is not None])
        done = [self._one(tx, letter) for letter in letters]
        spoke = {(one.topic.organisation, one.topic.gateway) for one in done if one}
        tx.unit.read_ahead(credentials.OF_GATEWAY, spoke)
        for organisation, gateway in sorted(spoke):
            hearing.revoked_spoke(Desk(tx, self._routes), organisation, gateway)
        return done

    def _one(self, tx: Tx, letter: Letter) -> Done | None:
        topic, envelope = letter.topic, letter.envelope
        if topic is None:
            return None
        desk = Desk(tx, self._routes)
        if envelope is None:
            return self._unreadable(desk, topic, letter.message, list(letter.problems))
        if isinstance(envelope.data, GatewayEventData):
            _gateway_event(desk, topic, envelope.data)
            return Done(topic, envelope.id, Recorded(Outcome.RECORDED), tx.now)
        if isinstance(envelope.data, ButtonData):
            return self._button(desk, topic, envelope, envelope.data)
        return self._frame(desk, topic, letter.message, envelope, envelope.data)

    def _button(self, desk: Desk, topic: Topic, envelope: EventEnvelope, data: ButtonData) -> Done:
        event = WiredEvent(
            topic.organisation,
            topic.gateway if data.gateway is None else GatewayId(data.gateway),
            data,
            _observed(envelope, desk.now),
            envelope.timequality,
            _received(envelope, desk.now),
        )
        recorded = wired.record(desk, event, replayed=envelope.replayed)
        if recorded.outcome is Outcome.RECORDED and data.sign is not ButtonSign.TEST:
            self._metrics.press_to_recorded.observe((desk.now - event.observed_at).total_seconds())
        return Done(topic, envelope.id, recorded, desk.now)

    def _frame(
        self, desk: Desk, topic: Topic, message: Received, envelope: EventEnvelope, data: FrameData
    ) -> Done | None:
        try:
            opened = open_frame(desk.tx, topic.organisation, data.address, data.frame)
        except UnknownDeviceError as stranger:
            return self._unreadable(desk, topic, message, [f"data.address: {stranger}"])
        except (bthome.FrameError, SealedError) as wrong:
            return self._unreadable(desk, topic, message, [f"data.frame: {wrong}"])
        heard = Heard(
            topic.organisation,
            topic.gateway,
            opened.report,
            _observed(envelope, desk.now),
            envelope.timequality,
            _received(envelope, desk.now),
            data.rssi,
            data.frame,
            opened.voice,
            replayed=envelope.replayed,
        )
        device_keys.heard(desk, opened.record, opened.voice)
        recorded = recording.record(desk, heard)
        self._measure(desk, recorded)
        identity = opened.report.identity
        event = event_id(identity.address, identity.epoch, identity.sequence, opened.report.stage)
        return Done(topic, event, recorded, desk.now)

    def _unreadable(self, desk: Desk, topic: Topic, message: Received, problems: list[str]) -> Done:
        recorded = recording.unreadable(desk, topic.organisation, topic.gateway, message.payload, problems)
        return Done(topic, claimed_id(message.payload), recorded, desk.now)

    def _measure(self, desk: Desk, recorded: Recorded) -> None:
        heard = recorded.heard
        if heard is None or recorded.outcome is not Outcome.RECORDED or heard.report.stage not in ALARM_STAGES:
            return
        self._metrics.press_to_recorded.observe(max(0.0, (desk.now - heard.observed_at).total_seconds()))
        number = event_rows.incident_of(desk.tx, heard)
        record = None if number is None else incidents.get(desk.tx, heard.organisation, number)
        if record is not None and record.match.verdict is not Verdict.MATCHED:
            self._metrics.unmatched.labels(record.match.verdict).inc()

    def _receipt(self, done: Done) -> None:
        self._metrics.events.labels(done.recorded.outcome).inc()
        if done.event is None:
            return
        payload = _receipt(done).to_json()
        for gateway in dict.fromkeys((done.topic.gateway, *done.recorded.gateways)):
            self._publish(str(Topic(done.topic.organisation, gateway, Channel.RECEIPT)), payload)


def _observed(envelope: EventEnvelope, now: datetime) -> datetime:
    """When it happened, on the hub's clock: never in the future, never longer ago than :data:`OLDEST`.

    A gateway whose clock is synchronised is believed. Of one that is not, only differences are believed: how old the
    event was when it was heard, and how long it has waited since.
    """
    if envelope.timequality is TimeQuality.SYNCHRONISED:
        return min(max(envelope.time, now - OLDEST), now)
    age = envelope.receivedtime - envelope.time + timedelta(seconds=min(envelope.waited, OLDEST.total_seconds()))
    return now - min(max(timedelta(0), age), OLDEST)


def _received(envelope: EventEnvelope, now: datetime) -> datetime:
    """The gateway's own word, kept within what people can read."""
    return min(max(envelope.receivedtime, now - OLDEST), now + timedelta(days=1))


def _receipt(done: Done) -> ReceiptEnvelope:
    event = str(done.event)
    return ReceiptEnvelope(
        id=f"receipt-{event}"[:200],
        source=f"{done.topic.organisation}/{topics.HUB}",
        subject=done.recorded.address,
        time=done.at,
        recordedtime=done.at,
        data=ReceiptData(
            event=event,
            outcome=done.recorded.outcome,
            address=done.recorded.address,
            downlink=done.recorded.downlink,
        ),
    )


def _gateway_event(desk: Desk, topic: Topic, data: GatewayEventData) -> None:
    detail = said_by(topic.gateway, data.detail)
    if data.trouble is GatewayTrouble.SHEDDING:
        notify.fault(desk, topic.organisation, FaultKind.GATEWAY_SHEDDING, topic.gateway, detail)
        return
    if data.trouble is GatewayTrouble.REFUSED:
        notify.fault(desk, topic.organisation, FaultKind.GATEWAY_REFUSED, topic.gateway, detail)
        return
    is_blind = data.trouble is GatewayTrouble.BLIND
    hearing.blind(desk, topic.organisation, topic.gateway, is_blind=is_blind, detail=detail)
