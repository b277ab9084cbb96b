"""The topic tree: ``tocsin/v1/{organisation}/{gateway}/{channel}`` and ``tocsin/v1/{organisation}/hub/status``.

The organisation and the gateway in a topic are what the broker's access list lets a credential use, so they are
believed; whatever a payload says about itself is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from protocols.ids import NAME, GatewayId, OrganisationId

ROOT = "tocsin/v1"
HUB = "hub"
"""In the place of a gateway; no gateway may have this id."""


class Channel(StrEnum):
    """What a topic carries, and which way."""

    STATUS = "status"  # gateway -> hub, retained, with a last will
    EVENT = "event"  # gateway -> hub, until receipted
    PRESENCE = "presence"  # gateway -> hub, digest
    POSITION = "position"  # gateway -> hub
    RECEIPT = "receipt"  # hub -> gateway, after commit
    COMMAND = "command"  # hub -> gateway


_TOPIC = re.compile(rf"{ROOT}/(?P<organisation>{NAME})/(?P<gateway>{NAME})/(?P<channel>[a-z]+)")


class TopicError(ValueError):
    """A topic outside the tree.

    Attributes:
        topic: what was received.
    """

    def __init__(self, topic: str) -> None:
        super().__init__(f"not a topic of Tocsin: {topic!r}")
        self.topic = topic


@dataclass(frozen=True, slots=True)
class Topic:
    """One address in the tree."""

    organisation: OrganisationId
    gateway: GatewayId
    channel: Channel

    def __str__(self) -> str:
        return f"{ROOT}/{self.organisation}/{self.gateway}/{self.channel}"


def parse(topic: str) -> Topic:
    """Split a topic.

    Raises:
        TopicError: it is not one of ours.
    """
    match = _TOPIC.fullmatch(topic)
    if match is None or match["channel"] not in set(Channel):
        raise TopicError(topic)
    return Topic(OrganisationId(match["organisation"]), GatewayId(match["gateway"]), Channel(match["channel"]))


def hub_status(organisation: OrganisationId) -> str:
    return f"{ROOT}/{organisation}/{HUB}/{Channel.STATUS}"


def from_gateways(channel: Channel) -> str:
    """Subscription of the hub to one channel of every gateway of every organisation."""
    return f"{ROOT}/+/+/{channel}"


def shared(subscription: str) -> str:
    """The same, of which each message goes to one of all hubs that subscribe so."""
    return f"$share/{HUB}/{subscription}"


def hub_statuses() -> str:
    """Subscription of a hub to what hubs say of themselves, to every organisation."""
    return f"{ROOT}/+/{HUB}/{Channel.STATUS}"
