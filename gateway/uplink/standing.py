"""What a gateway says of itself and of who it hears, on a connection apart from the alarms.

Neither is kept: a digest that can't be sent is gone, and the next one is truer.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from gateway.domain.outgoing import clock_quality, plausible
from protocols.mqtt.envelope import (
    GatewayState,
    Heard,
    PresenceData,
    PresenceEnvelope,
    StatusData,
    StatusEnvelope,
    TimeQuality,
)
from protocols.mqtt.topics import Channel
from tocsin import __version__
from tocsin.mqtt import Will

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.domain.hearing import HeardFrame
    from gateway.domain.moment import Moment
    from gateway.domain.outgoing import Speaker
    from gateway.uplink.mailbox import Arrivals
    from gateway.uplink.ports import Link

STATUS_EVERY_S: Final = 5.0
STATUS_AGAIN_S: Final = 30.0
"""The same is said again: a hub that hung may have swallowed it, and one that shares a subscription is given nothing
that was retained."""
_MOST: Final = 2**32
"""Statuses of one connection: their numbers come before the will's, and that before those of the next connection."""


def will(speaker: Speaker, now: Moment, connection: int = 0) -> Will:
    """What the broker says when the connection dies. When that will be, nobody knows yet.

    Args:
        speaker: who we are.
        now: the start.
        connection: how many came up before this one.
    """
    status = StatusEnvelope(
        id=f"{speaker.boot}-will",
        source=speaker.source,
        time=now.wall,
        timequality=TimeQuality.UNKNOWN,
        data=StatusData(
            state=GatewayState.OFFLINE, boot=speaker.boot, version=__version__, number=(connection + 2) * _MOST - 1
        ),
    )
    return Will(speaker.topic(Channel.STATUS), status.to_json())


class Standing:
    """The retained status: at every connection and change of ``blind``, other changes after 5 s, the same after 30 s.

    The broker may lose what it retained, so it is said anew at each connection.

    Args:
        speaker: who we are.
        link: the presence connection.
        arrivals: of that connection.
        read: what there is to say now.
    """

    def __init__(self, speaker: Speaker, link: Link, arrivals: Arrivals, read: Callable[[], StatusData]) -> None:
        self._speaker = speaker
        self._link = link
        self._arrivals = arrivals
        self._read = read
        self._numbers = count(1)
        self._said_on = 0
        self._said: StatusData | None = None
        self._said_at = float("-inf")

    def step(self, now: Moment) -> None:
        data, connection = self._read(), self._arrivals.times
        if self._due(data, connection, now) and self._publish(data, now):
            self._said, self._said_on, self._said_at = data, connection, now.ticks

    def goodbye(self, now: Moment) -> None:
        """Offline, and on purpose."""
        self._publish(self._read().model_copy(update={"state": GatewayState.OFFLINE}), now)

    def _due(self, data: StatusData, connection: int, now: Moment) -> bool:
        if self._said is None or self._said_on != connection or self._said.blind != data.blind:
            return True
        return now.ticks - self._said_at >= (STATUS_AGAIN_S if data == self._said else STATUS_EVERY_S)

    def _publish(self, data: StatusData, now: Moment) -> bool:
        number = next(self._numbers)
        envelope = StatusEnvelope(
            id=f"{self._speaker.boot}-status-{number}",
            source=self._speaker.source,
            time=now.wall,
            timequality=clock_quality(now),
            data=data.model_copy(update={"number": self._arrivals.times * _MOST + number}),
        )
        return self._link.publish(self._speaker.topic(Channel.STATUS), envelope.to_json(), retain=True)


class Digest:
    """The presence digest, every ``every_s``.

    Args:
        speaker: who we are.
        link: the presence connection.
        take: frames heard since it was last called, and how many strangers.
        every_s: the interval.
        now: the start.

    Attributes:
        lost: digests that could not be sent.
    """

    def __init__(
        self,
        speaker: Speaker,
        link: Link,
        take: Callable[[], tuple[Sequence[tuple[HeardFrame, Moment]], int]],
        *,
        every_s: float,
        now: Moment,
    ) -> None:
        self._speaker = speaker
        self._link = link
        self._take = take
        self._every_s = every_s
        self._due_at = now.ticks + every_s
        self._numbers = count(1)
        self.lost = 0

    def step(self, now: Moment) -> None:
        if now.ticks < self._due_at:
            return
        self._due_at = now.ticks + self._every_s
        heard, strangers = self._take()
        devices = [_heard(frame, at) for frame, at in heard]
        if not self._publish(PresenceData(boot=self._speaker.boot, devices=devices, strangers=strangers), now):
            self.lost += 1

    def _publish(self, data: PresenceData, now: Moment) -> bool:
        envelope = PresenceEnvelope(
            id=f"{self._speaker.boot}-presence-{next(self._numbers)}",
            source=self._speaker.source,
            time=now.wall,
            timequality=clock_quality(now),
            data=data,
        )
        return self._link.publish(self._speaker.topic(Channel.PRESENCE), envelope.to_json())


def _heard(heard: HeardFrame, at: Moment) -> Heard:
    address = heard.report.identity.address
    return Heard(address=address, frame=heard.frame, heard_at=at.wall, rssi=plausible(heard.rssi))
