"""What a replica takes of the messages that all of them share: its part while it can record, nothing otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from protocols.mqtt import topics
from tocsin.mqtt import IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hub.loops import Loop
    from hub.settings import HubSettings
    from protocols.mqtt.topics import Channel
    from tocsin.mqtt import Connection
    from tocsin.settings import MqttSettings

log = structlog.get_logger()

KEEPALIVE_S: Final = 5
"""A broker hands a hung replica its share until one and a half of these have passed. A gateway sends at 0, 2, 6 and
14 s, so the fourth time at the latest to one that records, before it tells the wearer *not delivered* at 20 s."""
LOOK_S: Final = 1.0
LATE_S: Final = 10.0
"""Beyond its pace, by which a loop may be late before its replica leaves the others their messages. Longer than it may
have to wait for what a hung one has locked (:data:`hub.store.hung.AFTER`)."""


def at_the_broker(settings: HubSettings) -> MqttSettings:
    """How a replica connects."""
    mqtt = settings.mqtt
    if not settings.replicas.share:
        return mqtt
    return mqtt.model_copy(update={"keepalive_s": min(mqtt.keepalive_s, KEEPALIVE_S)})


def in_flight(settings: HubSettings) -> int:
    """Messages that the broker may hand over before the first of them is recorded."""
    return settings.replicas.in_flight if settings.replicas.share else IN_FLIGHT


def subscriptions(settings: HubSettings, channels: Iterable[Channel]) -> list[str]:
    """To these channels of every gateway."""
    plain = [topics.from_gateways(channel) for channel in channels]
    return [topics.shared(each) for each in plain] if settings.replicas.share else plain


class Share:
    """Leaves and takes part again.

    A replica whose loops have stopped would swallow its share for as long as its connection lives: messages to it are
    handed to nobody else. Gateways send again what has no receipt, and then it goes to another.

    Args:
        links: connections with shared subscriptions, each with the loops that recording its messages needs, and for
            each loop the seconds in which it finishes a step when all is well.
    """

    def __init__(self, links: Mapping[Connection, Mapping[Loop, float]]) -> None:
        self._links = links

    def step(self) -> float:
        """Asks nobody: where the database can't be asked, the messages are left to others all the same."""
        for link, loops in self._links.items():
            late = [loop.name for loop, pace_s in loops.items() if loop.finished_ago_s > pace_s + LATE_S]
            if link.listens is bool(late):
                log.warning("messages are left to other replicas" if late else "takes part again", late=late)
            link.listen(not late)
        return LOOK_S


class Freed:
    """Frees what hung replicas have locked. A loop of its own: it may have to wait for the database.

    Args:
        end_hung: ends their transactions; how many that were.
    """

    def __init__(self, end_hung: Callable[[], int]) -> None:
        self._end_hung = end_hung

    def step(self) -> float:
        ended = self._end_hung()
        if ended:
            log.warning("another replica hangs; what it had locked is free again", transactions=ended)
        return LOOK_S
