"""The status and presence topics: who is there. Not kept in the journal, not receipted, never ahead of an alarm."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import structlog

from hub.cases import hearing, recording
from hub.cases.desk import Desk
from hub.cases.opening import UnknownDeviceError, open_frame
from hub.store import devices
from hub.store import events as event_rows
from hub.store.events import Heard
from hub.store.store import Rank, StoreUnavailableError
from hub.store.vault import SealedError
from protocols.ble import bthome
from protocols.mqtt import topics
from protocols.mqtt.envelope import (
    EnvelopeError,
    PresenceEnvelope,
    StatusEnvelope,
    TimeQuality,
    observed,
)
from protocols.mqtt.topics import Channel, TopicError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hub.cases.desk import Routes
    from hub.cases.opening import Opened
    from hub.metrics import HubMetrics
    from hub.store.store import Store, Tx
    from protocols.ids import Address, GatewayId, OrganisationId
    from protocols.mqtt import envelope
    from protocols.mqtt.topics import Topic
    from tocsin.mqtt import Received

log = structlog.get_logger()

BATCH: Final = 64
DEVICES: Final = 50
"""Of so many signs of life are recorded together: an alarm that comes meanwhile waits for them on SQLite."""
OLDEST: Final = timedelta(hours=1)
"""A digest tells of seconds ago; whatever it claims beyond this is as good as an hour."""


STALE_S: Final = 15.0
"""A digest tells of the last 10 s. One that waited longer than that and 5 s more is no sign of life of now."""


class _Sign(NamedTuple):
    """A message that could be read."""

    topic: Topic
    envelope: StatusEnvelope | PresenceEnvelope
    arrived: float
    retained: bool = False


class _Frame(NamedTuple):
    """What a digest tells of one device; ``age`` as the gateway says, ``counts`` if it may be a sign of life."""

    organisation: OrganisationId
    address: Address
    topic: Topic
    heard: envelope.Heard
    age: timedelta
    arrived: float
    counts: bool


_Item = TypeVar("_Item", _Sign, _Frame)


class SignIngest:
    """Records signs of life.

    Args:
        store: where.
        routes: how people are reached.
        metrics: of the hub.
        wake: called when something was recorded.
        monotonic: seconds of the clock by which messages arrived (:attr:`tocsin.mqtt.Received.arrived`).
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        metrics: HubMetrics,
        wake: Callable[[], None],
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._routes = routes
        self._metrics = metrics
        self._wake = wake
        self._monotonic = monotonic

    def step(self, batch: Sequence[Received]) -> None:
        """Record a batch and acknowledge it, whatever happens: what is kept back uses up what the broker hands over.

        What can't be read is counted and gone: the next digest comes soon.

        Raises:
            StoreUnavailableError: not all was recorded; by the time the database is back, newer signs are there.
        """
        try:
            for chunk in _chunks(sign for message in batch if (sign := self._read(message)) is not None):
                self._record(chunk)
        finally:
            for message in batch:
                message.acknowledge()
        self._wake()

    def _read(self, message: Received) -> _Sign | None:
        try:
            topic = topics.parse(message.topic)
            if topic.gateway == topics.HUB:
                return None
            if topic.channel is Channel.STATUS:
                status = StatusEnvelope.from_json(message.payload)
                return _Sign(topic, status, message.arrived, retained=message.retained)
            if topic.channel is Channel.PRESENCE and not message.retained:
                return _Sign(topic, PresenceEnvelope.from_json(message.payload), message.arrived)
        except (TopicError, EnvelopeError) as wrong:
            self._refuse(message.topic, type(wrong).__name__, wrong)
        return None

    def _refuse(self, topic: str, reason: str, failure: Exception) -> None:
        self._metrics.refused.labels("sign", reason).inc()
        log.warning("sign refused", topic=topic, reason=reason, error=str(failure)[:500])

    def _record(self, chunk: Sequence[_Sign]) -> None:
        """What tells of an event is recorded apart: there, devices are locked before anything else."""
        told = self._together(self._all, chunk)
        if told:
            self._together(self._events, told)

    def _together(self, work: Callable[[Sequence[_Item], Tx], list[_Frame]], items: Sequence[_Item]) -> list[_Frame]:
        """In one transaction, or if that fails in halves: one bad sign must not hide the others, nor hold them up."""
        try:
            return self._store.write(partial(work, items), rank=Rank.ROUTINE)
        except StoreUnavailableError:
            raise
        except Exception as failure:  # noqa: BLE001 - as said
            if len(items) == 1:
                self._refuse(str(items[0].topic), "failed", failure)
                return []
        halves = items[: len(items) // 2], items[len(items) // 2 :]
        return [frame for half in halves for frame in self._together(work, half)]

    def _all(self, chunk: Sequence[_Sign], tx: Tx) -> list[_Frame]:
        """Frames that tell of events are left over."""
        desk = Desk(tx, self._routes)
        told: list[_Frame] = []
        for kind, group in groupby(chunk, lambda sign: type(sign.envelope)):
            if kind is PresenceEnvelope:
                told += self._digests(desk, list(group))
            else:
                self._statuses(desk, group)
        return told

    def _waited(self, arrived: float) -> timedelta:
        """Asked when the transaction's time has been read, so that nothing is taken to be younger than it is."""
        return timedelta(seconds=max(0.0, self._monotonic() - arrived))

    def _is_stale(self, sign: _Sign) -> bool:
        return self._waited(sign.arrived).total_seconds() > STALE_S

    def _statuses(self, desk: Desk, signs: Iterable[_Sign]) -> None:
        for sign in signs:
            if isinstance(sign.envelope, StatusEnvelope):
                old = sign.retained or self._is_stale(sign)
                hearing.gateway_status(
                    desk, sign.topic.organisation, sign.topic.gateway, sign.envelope.data, retained=old
                )

    def _digests(self, desk: Desk, signs: Sequence[_Sign]) -> list[_Frame]:
        """All gateways, then all devices: what is asked and what is locked goes in one order in every replica."""
        stale = {id(sign) for sign in signs if self._is_stale(sign)}
        if stale:
            self._metrics.refused.labels("presence", "stale").inc(len(stale))
        boots = {_sender(sign): sign.envelope.data.boot for sign in signs if id(sign) not in stale}
        counting = hearing.gateways_alive(desk, boots)
        told = (_newest(sign, counts=_sender(sign) in counting and id(sign) not in stale) for sign in signs)
        frames = sorted(chain.from_iterable(told), key=itemgetter(0, 1))
        hearing.frames_ahead(desk, {(frame.organisation, frame.address) for frame in frames})
        return [frame for frame in frames if not self._device(desk, frame)]

    def _device(self, desk: Desk, frame: _Frame) -> bool:
        """False, and nothing was done, if it tells of an event."""
        opened = self._open(desk, frame)
        if opened is None:
            return True
        if opened.report.is_heartbeat:
            self._heard(desk, frame, opened)
        return opened.report.is_heartbeat

    def _events(self, frames: Sequence[_Frame], tx: Tx) -> list[_Frame]:
        desk = Desk(tx, self._routes)
        about = {(frame.organisation, frame.address) for frame in frames}
        tx.unit.read_ahead(devices.LOCKED, about)
        hearing.frames_ahead(desk, about)
        for frame in frames:
            opened = self._open(desk, frame)
            if opened is not None:
                self._heard(desk, frame, opened)
                _catch_missed_event(desk, frame, opened, frame.age + self._waited(frame.arrived))
        return []

    def _open(self, desk: Desk, frame: _Frame) -> Opened | None:
        try:
            return open_frame(desk.tx, frame.organisation, frame.address, frame.heard.frame)
        except UnknownDeviceError:
            self._metrics.refused.labels("presence", "unknown_device").inc()
        except bthome.FrameError as wrong:
            self._metrics.refused.labels("presence", wrong.reason).inc()
        except SealedError as closed:
            self._metrics.refused.labels("presence", f"sealed: {closed.reason}").inc()
            log.error("a device's key can't be opened", device=frame.address, reason=closed.reason)  # noqa: TRY400
        return None

    def _heard(self, desk: Desk, frame: _Frame, opened: Opened) -> None:
        of, gateway, rssi = frame.organisation, frame.topic.gateway, frame.heard.rssi
        age = frame.age + self._waited(frame.arrived)
        if frame.counts and not hearing.device(desk, of, gateway, opened, rssi, age):
            reason = bthome.ReplayError.reason if opened.voice.is_live else f"key {opened.voice.standing}"
            self._metrics.refused.labels("presence", reason).inc()


def _sender(sign: _Sign) -> tuple[OrganisationId, GatewayId]:
    return sign.topic.organisation, sign.topic.gateway


def _chunks(signs: Iterable[_Sign]) -> Iterator[list[_Sign]]:
    """As many as tell of :data:`DEVICES`, together."""
    chunk: list[_Sign] = []
    size = 0
    for sign in chain.from_iterable(map(_pieces, signs)):
        chunk.append(sign)
        size += len(sign.envelope.data.devices) if isinstance(sign.envelope, PresenceEnvelope) else 1
        if size >= DEVICES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _pieces(sign: _Sign) -> Iterator[_Sign]:
    """A digest of a crowd as several, of :data:`DEVICES` each."""
    whole = sign.envelope
    if not isinstance(whole, PresenceEnvelope) or len(whole.data.devices) <= DEVICES:
        yield sign
        return
    for start in range(0, len(whole.data.devices), DEVICES):
        data = whole.data.model_copy(update={"devices": whole.data.devices[start : start + DEVICES]})
        yield sign._replace(envelope=whole.model_copy(update={"data": data}))


def _newest(sign: _Sign, *, counts: bool) -> Iterator[_Frame]:
    """The last that a digest tells of each device, and how old it is."""
    digest, of = sign.envelope, sign.topic.organisation
    if isinstance(digest, PresenceEnvelope):
        for address, heard in {heard.address: heard for heard in digest.data.devices}.items():
            age = min(max(timedelta(0), digest.time - heard.heard_at), OLDEST)
            yield _Frame(of, address, sign.topic, heard, age, sign.arrived, counts)


def _catch_missed_event(desk: Desk, frame: _Frame, opened: Opened, age: timedelta) -> None:
    """A digest whose frame tells of an event that was never recorded: it is recorded now.

    Of the gateway's clock only the difference between its two times is believed; it is part of ``age``.
    """
    report = opened.report
    event = Heard(
        frame.organisation,
        frame.topic.gateway,
        report,
        observed(desk.now - age, report.age_s),
        TimeQuality.UNSYNCHRONISED,
        desk.now - age,
        frame.heard.rssi,
        frame.heard.frame,
        opened.voice,
    )
    if report.stage not in event_rows.stages(desk.tx, event):
        recording.record(desk, event)
        hearing.revoked_spoke(desk, frame.organisation, frame.topic.gateway)
