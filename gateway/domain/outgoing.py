"""Events on their way to the hub, as envelopes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from protocols.events import ALARM_STAGES, Stage
from protocols.mqtt.envelope import (
    EventEnvelope,
    FrameData,
    GatewayEventData,
    GatewayTrouble,
    TimeQuality,
    event_id,
    observed,
)
from protocols.mqtt.topics import Channel, Topic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gateway.domain.hearing import HeardFrame
    from gateway.domain.moment import Moment
    from protocols.events import DeviceReport
    from protocols.ids import GatewayId, OrganisationId

_RSSI_MIN: Final = -128
_RSSI_MAX: Final = 20


class Rank(IntEnum):
    """What goes first, and what is kept longest."""

    ALARM = 0  # somebody may need help
    CANCEL = 1  # ... and no longer does
    TROUBLE = 2  # of the gateway itself
    NOTICE = 3  # check-in, test, low battery


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event for the hub.

    Attributes:
        id: of its envelope; the same whenever the same event is heard again.
        rank: what it yields to.
        payload: the envelope, as JSON.
        received: when it was heard (wall clock).
        device: whose published events it joins, None for the gateway's own.
        ticks: when it was heard, by this run's ticks; None for one that an earlier run heard.
        replayed: the hub receipted it once, and was restored from a backup since.
    """

    id: str
    rank: Rank
    payload: bytes
    received: datetime
    device: str | None = None
    ticks: float | None = None
    replayed: bool = False

    def sent_at(self, ticks: float, *, started: float) -> bytes:
        """What is sent now: the envelope, with the whole seconds that it has waited, and whether it is a replay.

        Args:
            ticks: now.
            started: when this run began, from when on an earlier run's event certainly waits.
        """
        waited = int(ticks - (started if self.ticks is None else self.ticks))
        news = ({"waited": waited} if waited >= 1 else {}) | ({"replayed": True} if self.replayed else {})
        return _with(self.payload, news) if news else self.payload


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who we are on MQTT.

    Attributes:
        boot: a new random id at every start.
    """

    organisation: OrganisationId
    gateway: GatewayId
    boot: str

    @property
    def source(self) -> str:
        return f"{self.organisation}/{self.gateway}"

    def topic(self, channel: Channel) -> str:
        return str(Topic(self.organisation, self.gateway, channel))

    def client_id(self, purpose: str) -> str:
        return f"{self.organisation}.{self.gateway}.{purpose}"


def rank_of(report: DeviceReport) -> Rank:
    if report.stage in ALARM_STAGES:
        return Rank.ALARM
    return Rank.CANCEL if report.stage is Stage.CANCELLED else Rank.NOTICE


def frame_event(speaker: Speaker, heard: HeardFrame, *, device: str, now: Moment) -> Outgoing:
    """A device's event, with the frame sealed as heard: the hub judges it for itself."""
    report = heard.report
    identity = report.identity
    envelope = EventEnvelope(
        id=event_id(identity.address, identity.epoch, identity.sequence, report.stage),
        source=speaker.source,
        subject=identity.address,
        time=observed(now.wall, report.age_s),
        timequality=_quality(report.age_s, now),
        receivedtime=now.wall,
        data=FrameData(address=identity.address, frame=heard.frame, rssi=plausible(heard.rssi), boot=speaker.boot),
    )
    return Outgoing(envelope.id, rank_of(report), envelope.to_json(), now.wall, device, now.ticks)


def trouble_event(speaker: Speaker, trouble: GatewayTrouble, detail: str, *, number: int, now: Moment) -> Outgoing:
    """An event of the gateway itself, the ``number``-th since it started.

    Its id ends in that number: of two with the same ``boot``, the one with the higher number (as an integer) is the
    later, in whatever order they arrive. Boots have no order among themselves; the retained status names the present.
    """
    envelope = EventEnvelope(
        id=f"{speaker.gateway}-{speaker.boot}-{number}",
        source=speaker.source,
        time=now.wall,
        timequality=clock_quality(now),
        receivedtime=now.wall,
        data=GatewayEventData(trouble=trouble, detail=detail, boot=speaker.boot),
    )
    return Outgoing(envelope.id, Rank.TROUBLE, envelope.to_json(), now.wall, ticks=now.ticks)


def _with(payload: bytes, news: Mapping[str, object]) -> bytes:
    """Whatever else an older or newer gateway wrote stays, and what is no JSON object goes out as it is."""
    try:
        envelope = json.loads(payload)
        if isinstance(envelope, dict):
            return json.dumps({**envelope, **news}, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        pass  # the hub keeps it raw and pages somebody
    return payload


def plausible(rssi: int) -> int:
    """Within an envelope's bounds; Bluetooth's 127 means that the strength is not known, so it counts as weakest."""
    return rssi if _RSSI_MIN <= rssi <= _RSSI_MAX else _RSSI_MIN


def clock_quality(now: Moment) -> TimeQuality:
    return TimeQuality.SYNCHRONISED if now.synchronised else TimeQuality.UNSYNCHRONISED


def _quality(age_s: int | None, now: Moment) -> TimeQuality:
    return TimeQuality.UNKNOWN if age_s is None else clock_quality(now)
