"""The status and presence topics: who is there. Not kept in the journal, not receipted, never ahead of an alarm."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from hub.cases import hearing, recording
from hub.cases.desk import Desk
from hub.cases.opening import UnknownDeviceError, open_frame
from hub.store import events as event_rows
from hub.store.events import Heard
from hub.store.store import Rank, StoreUnavailableError
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
    from collections.abc import Callable, Sequence

    from hub.cases.desk import Routes
    from hub.cases.opening import Opened
    from hub.metrics import HubMetrics
    from hub.store.store import Store, Tx
    from protocols.mqtt import envelope
    from protocols.mqtt.topics import Topic
    from tocsin.mqtt import Received

log = structlog.get_logger()

BATCH: Final = 64
OLDEST: Final = timedelta(hours=1)
"""A digest tells of seconds ago; whatever it claims beyond this is as good as an hour."""


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
        for message in batch:
            try:
                self._store.write(partial(self._one, message), rank=Rank.ROUTINE)
            except StoreUnavailableError:
                raise
            except Exception as failure:  # noqa: BLE001 - one bad sign must not hide the others
                self._refuse(message, "failed", failure)
            message.acknowledge()
        self._wake()

    def _refuse(self, message: Received, reason: str, failure: Exception) -> None:
        self._metrics.refused.labels("sign", reason).inc()
        log.warning("sign refused", topic=message.topic, reason=reason, error=str(failure)[:500])

    def _one(self, message: Received, tx: Tx) -> None:
        try:
            topic = topics.parse(message.topic)
            if topic.gateway == topics.HUB:
                return
            self._read(Desk(tx, self._routes), topic, message)
        except (TopicError, EnvelopeError) as wrong:
            self._refuse(message, type(wrong).__name__, wrong)

    def _read(self, desk: Desk, topic: Topic, message: Received) -> None:
        if topic.channel is Channel.STATUS:
            status = StatusEnvelope.from_json(message.payload).data
            hearing.gateway_status(desk, topic.organisation, topic.gateway, status, retained=message.retained)
        elif topic.channel is Channel.PRESENCE and not message.retained:
            self._digest(desk, topic, PresenceEnvelope.from_json(message.payload))

    def _digest(self, desk: Desk, topic: Topic, digest: PresenceEnvelope) -> None:
        counts = hearing.gateway_alive(desk, topic.organisation, topic.gateway, digest.data.boot)
        newest = {heard.address: heard for heard in digest.data.devices}
        for _, heard in sorted(newest.items()):  # one order for all replicas' locks
            self._device(desk, topic, digest, heard, counts=counts)

    def _device(
        self, desk: Desk, topic: Topic, digest: PresenceEnvelope, heard: envelope.Heard, *, counts: bool
    ) -> None:
        try:
            opened = open_frame(desk.tx, topic.organisation, heard.address, heard.frame)
        except UnknownDeviceError:
            self._metrics.refused.labels("presence", "unknown_device").inc()
            return
        except bthome.FrameError as wrong:
            self._metrics.refused.labels("presence", wrong.reason).inc()
            return
        age = min(max(timedelta(0), digest.time - heard.heard_at), OLDEST)
        if counts and not hearing.device(desk, topic.organisation, topic.gateway, opened, heard.rssi, age):
            reason = bthome.ReplayError.reason if opened.voice.is_live else f"key {opened.voice.standing}"
            self._metrics.refused.labels("presence", reason).inc()
        _catch_missed_event(desk, topic, heard, opened, age)


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
