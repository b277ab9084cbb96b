"""The status and presence topics: who is there. Not kept in the journal, not receipted, never ahead of an alarm."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import structlog

from hub.cases import hearing, recording
from hub.cases.desk import Desk
from hub.cases.opening import UnknownDeviceError, open_frame
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
    from protocols.ids import Address, OrganisationId
    from protocols.mqtt import envelope
    from protocols.mqtt.topics import Topic
    from tocsin.mqtt import Received

log = structlog.get_logger()

BATCH: Final = 64
DEVICES: Final = 50
"""Of so many signs of life are recorded together: an alarm that comes meanwhile waits for them on SQLite."""
OLDEST: Final = timedelta(hours=1)
"""A digest tells of seconds ago; whatever it claims beyond this is as good as an hour."""


class _Sign(NamedTuple):
    """A message that could be read."""

    topic: Topic
    envelope: StatusEnvelope | PresenceEnvelope
    retained: bool = False


_Frame: TypeAlias = "tuple[OrganisationId, Address, Topic, envelope.Heard, timedelta]"


class SignIngest:
    """Records signs of life."""

    def __init__(self, store: Store, routes: Routes, metrics: HubMetrics, wake: Callable[[], None]) -> None:
        self._store = store
        self._routes = routes
        self._metrics = metrics
        self._wake = wake

    def step(self, batch: Sequence[Received]) -> None:
        """Record a batch and acknowledge it. What can't be read is counted and gone: the next digest comes soon.

        Raises:
            StoreUnavailableError: nothing was recorded; by the time the database is back, newer signs are there.
        """
        for chunk in _chunks(sign for message in batch if (sign := self._read(message)) is not None):
            self._record(chunk)
        for message in batch:
            message.acknowledge()
        self._wake()

    def _read(self, message: Received) -> _Sign | None:
        try:
            topic = topics.parse(message.topic)
            if topic.gateway == topics.HUB:
                return None
            if topic.channel is Channel.STATUS:
                return _Sign(topic, StatusEnvelope.from_json(message.payload), retained=message.retained)
            if topic.channel is Channel.PRESENCE and not message.retained:
                return _Sign(topic, PresenceEnvelope.from_json(message.payload))
        except (TopicError, EnvelopeError) as wrong:
            self._refuse(message.topic, type(wrong).__name__, wrong)
        return None

    def _refuse(self, topic: str, reason: str, failure: Exception) -> None:
        self._metrics.refused.labels("sign", reason).inc()
        log.warning("sign refused", topic=topic, reason=reason, error=str(failure)[:500])

    def _record(self, chunk: Sequence[_Sign]) -> None:
        """In one transaction, or if that fails each in its own: one bad sign must not hide the others."""
        try:
            self._store.write(partial(self._all, chunk), rank=Rank.ROUTINE)
        except StoreUnavailableError:
            raise
        except Exception as failure:  # noqa: BLE001 - as said
            if len(chunk) == 1:
                self._refuse(str(chunk[0].topic), "failed", failure)
                return
            for sign in chunk:
                self._record([sign])

    def _all(self, chunk: Sequence[_Sign], tx: Tx) -> None:
        desk = Desk(tx, self._routes)
        for kind, group in groupby(chunk, lambda sign: type(sign.envelope)):
            if kind is PresenceEnvelope:
                self._digests(desk, list(group))
            else:
                _statuses(desk, group)

    def _digests(self, desk: Desk, signs: Sequence[_Sign]) -> None:
        """All gateways, then all devices: what is asked and what is locked goes in one order in every replica."""
        boots = {(topic.organisation, topic.gateway): digest.data.boot for topic, digest, _ in signs}
        counting = hearing.gateways_alive(desk, boots)
        frames = sorted(chain.from_iterable(map(_newest, signs)), key=itemgetter(0, 1))
        hearing.frames_ahead(desk, {(of, address) for of, address, *_ in frames})
        for organisation, _, topic, heard, age in frames:
            self._device(desk, topic, heard, age, counts=(organisation, topic.gateway) in counting)

    def _device(self, desk: Desk, topic: Topic, heard: envelope.Heard, age: timedelta, *, counts: bool) -> None:
        try:
            opened = open_frame(desk.tx, topic.organisation, heard.address, heard.frame)
        except UnknownDeviceError:
            self._metrics.refused.labels("presence", "unknown_device").inc()
            return
        except bthome.FrameError as wrong:
            self._metrics.refused.labels("presence", wrong.reason).inc()
            return
        except SealedError as closed:
            self._metrics.refused.labels("presence", f"sealed: {closed.reason}").inc()
            log.error("a device's key can't be opened", device=heard.address, reason=closed.reason)  # noqa: TRY400
            return
        if counts and not hearing.device(desk, topic.organisation, topic.gateway, opened, heard.rssi, age):
            reason = bthome.ReplayError.reason if opened.voice.is_live else f"key {opened.voice.standing}"
            self._metrics.refused.labels("presence", reason).inc()
        _catch_missed_event(desk, topic, heard, opened, age)


def _statuses(desk: Desk, signs: Iterable[_Sign]) -> None:
    for topic, status, retained in signs:
        if isinstance(status, StatusEnvelope):
            hearing.gateway_status(desk, topic.organisation, topic.gateway, status.data, retained=retained)


def _chunks(signs: Iterable[_Sign]) -> Iterator[list[_Sign]]:
    """As many as tell of :data:`DEVICES`, together."""
    chunk: list[_Sign] = []
    size = 0
    for sign in signs:
        chunk.append(sign)
        size += len(sign.envelope.data.devices) if isinstance(sign.envelope, PresenceEnvelope) else 1
        if size >= DEVICES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _newest(sign: _Sign) -> Iterator[_Frame]:
    """The last that a digest tells of each device, and how old it is."""
    digest = sign.envelope
    if isinstance(digest, PresenceEnvelope):
        for address, heard in {heard.address: heard for heard in digest.data.devices}.items():
            age = min(max(timedelta(0), digest.time - heard.heard_at), OLDEST)
            yield sign.topic.organisation, address, sign.topic, heard, age


def _catch_missed_event(desk: Desk, topic: Topic, heard: envelope.Heard, opened: Opened, age: timedelta) -> None:
    """A digest whose frame tells of an event that was never recorded: it is recorded now.

    Of the gateway's clock only the difference ``age`` between its two times is believed.
    """
    report = opened.report
    if report.is_heartbeat:
        return
    event = Heard(
        topic.organisation,
        topic.gateway,
        report,
        observed(desk.now - age, report.age_s),
        TimeQuality.UNSYNCHRONISED,
        desk.now - age,
        heard.rssi,
        heard.frame,
        opened.voice,
    )
    if report.stage not in event_rows.stages(desk.tx, event):
        recording.record(desk, event)
        hearing.revoked_spoke(desk, topic.organisation, topic.gateway)
