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
    from gateway.uplink.ports import Link

STATUS_EVERY_S: Final = 5.0
STATUS_AGAIN_S: Final = 30.0
"""The same is said again: a hub that hung may have swallowed it, and one that shares a subscription is given nothing
that was retained."""
TOGETHER: Final = 400
"""Devices told of in one message; the hub takes no more than 1,000."""
_MOST: Final = 2**32
"""Statuses of one connection: their numbers come before the will's, and that before those of the next connection."""


class Attempts:
    """Connections that were begun; counted on their thread, read on any.

    One that never came up counts as well: the broker may have had its will all the same.
    """

    def __init__(self) -> None:
        self.latest = 0

    def begin(self) -> int:
        """The number of the one that begins now, from 1 on."""
        self.latest += 1
        return self.latest


def will(speaker: Speaker, now: Moment, attempt: int) -> Will:
    """What the broker says when the connection dies. When that will be, nobody knows yet.

    Args:
        speaker: who we are.
        now: the start.
        attempt: to connect, with which the broker gets this; see :class:`Attempts`.
    """
    status = StatusEnvelope(
        id=f"{speaker.boot}-will",
        source=speaker.source,
        time=now.wall,
        timequality=TimeQuality.UNKNOWN,
        data=StatusData(
            state=GatewayState.OFFLINE, boot=speaker.boot, version=__version__, number=(attempt + 1) * _MOST - 1
        ),
    )
    return Will(speaker.topic(Channel.STATUS), status.to_json())


class Standing:
    """The retained status: at every connection and change of ``blind``, other changes after 5 s, the same after 30 s.

    The broker may lose what it retained, so it is said anew at each connection.

    Args:
        speaker: who we are.
        link: the presence connection.
        attempts: to bring that connection up.
        read: what there is to say now.
    """

    def __init__(self, speaker: Speaker, link: Link, attempts: Attempts, read: Callable[[], StatusData]) -> None:
        self._speaker = speaker
        self._link = link
        self._attempts = attempts
        self._read = read
        self._numbers = count(1)
        self._said_on = 0
        self._said: StatusData | None = None
        self._said_at = float("-inf")

    def step(self, now: Moment) -> None:
        data, attempt = self._read(), self._attempts.latest
        if self._due(data, attempt, now) and self._publish(data, attempt, now):
            self._said, self._said_on, self._said_at = data, attempt, now.ticks

    def goodbye(self, now: Moment) -> None:
        """Offline, and on purpose."""
        offline = self._read().model_copy(update={"state": GatewayState.OFFLINE})
        self._publish(offline, self._attempts.latest, now)

    def _due(self, data: StatusData, attempt: int, now: Moment) -> bool:
        if self._said is None or self._said_on != attempt or self._said.blind != data.blind:
            return True
        return now.ticks - self._said_at >= (STATUS_AGAIN_S if data == self._said else STATUS_EVERY_S)

    def _publish(self, data: StatusData, attempt: int, now: Moment) -> bool:
        number = next(self._numbers)
        envelope = StatusEnvelope(
            id=f"{self._speaker.boot}-status-{number}",
            source=self._speaker.source,
            time=now.wall,
            timequality=clock_quality(now),
            data=data.model_copy(update={"number": attempt * _MOST + number}),
        )
        return self._link.publish(self._speaker.topic(Channel.STATUS), envelope.to_json(), retain=True)


class Digest:
    """The presence digest, every ``every_s``: one message, or several where there are many devices.

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
        for start in range(0, max(1, len(devices)), TOGETHER):
            part = devices[start : start + TOGETHER]
            data = PresenceData(boot=self._speaker.boot, devices=part, strangers=0 if start else strangers)
            self.lost += not self._publish(data, now)

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
