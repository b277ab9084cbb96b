"""What Mosquitto's log says of refusals. Lines as of 2.0.11; nothing of this comes over MQTT.

A denied publication is told at level *debug*, a denied subscription only by the absence of the line that tells of a
granted one, a last will that will never be published not at all: its topic is looked at here. Of a refused connection
2.0.11 tells the address alone.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from hub.broker.access_list import FROM_GATEWAY
from hub.cases.access import Refusal, RefusalKind
from protocols.enrolment import CONNECTIONS
from protocols.ids import NAME, GatewayId, OrganisationId
from protocols.mqtt.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

_STAMP: Final = re.compile(r"^[^\s:]+(?::\d\d:\d\d)?(?:[+-]\d{4})?: ")
Known = TypeVar("Known")
_CONNECTED: Final = re.compile(
    r"New client connected from (?P<address>\S+):\d+ as (?P<client>.+) \(p\d, c\d, k\d+.*\)\."
)
_REFUSED: Final = re.compile(r"Sending CONNACK to (?P<who>.+) \(0, (?:4|5|134|135)\)")
_DENIED: Final = re.compile(r"Denied PUBLISH from (?P<client>.+?) \(d\d, q\d, r\d, m\d+, '(?P<topic>.*)', \.\.\. \(")
_SUBSCRIBING: Final = re.compile(r"Received SUBSCRIBE from (?P<client>.+)")
_FILTER: Final = re.compile(r"\t(?P<filter>.*) \(QoS \d\)")
_WILL: Final = "Will message specified ("
_CLIENT: Final = re.compile(rf"(?P<organisation>{NAME})\.(?P<gateway>{NAME})\.(?:{'|'.join(CONNECTIONS)})")
_MOST: Final = 5_000
"""Addresses and clients remembered; the oldest go first."""
_SHOWN: Final = 120
"""Characters of somebody's topic that administrators are shown."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Whose a client id is."""

    organisation: OrganisationId
    id: GatewayId


def owner(client_id: str) -> Gateway | None:
    match = _CLIENT.fullmatch(client_id)
    return None if match is None else Gateway(OrganisationId(match["organisation"]), GatewayId(match["gateway"]))


class LogLines:
    """Reads line after line; one broker's."""

    def __init__(self) -> None:
        self._address_of: OrderedDict[str, str] = OrderedDict()
        self._seen_at: OrderedDict[str, set[Gateway]] = OrderedDict()
        self._connecting = ""
        self._will_follows = False
        self._subscribing = ""
        self._asked: str | None = None

    def feed(self, line: str) -> Iterator[Refusal]:
        """What this line shows to have been refused: nothing, or one or two things."""
        text = _STAMP.sub("", line, count=1)
        yield from self._settle_filter(text)
        if text.startswith("\t"):
            yield from self._detail(text)
            return
        self._will_follows = text.startswith(_WILL)
        if text.startswith("New client connected"):
            self._connected(text)
        elif text.startswith("Received SUBSCRIBE"):
            match = _SUBSCRIBING.fullmatch(text)
            self._subscribing = match["client"] if match else ""
        elif text.startswith("Denied PUBLISH"):
            yield from self._denied(text)
        elif text.startswith("Sending CONNACK"):
            yield from self._turned_away(text)

    def _settle_filter(self, text: str) -> Iterator[Refusal]:
        """A filter that was asked for is granted by the very next line, or denied."""
        asked, self._asked = self._asked, None
        if asked is None or re.match(rf"{re.escape(self._subscribing)} \d ", text):
            return
        gateway = owner(self._subscribing)
        named = f"gateway {gateway.id}" if gateway is not None else self._subscribing
        detail = f"{named} asked the broker for {_shown(asked)}, which is not for it"
        yield self._refusal(RefusalKind.SUBSCRIBE, self._subscribing, detail)

    def _detail(self, text: str) -> Iterator[Refusal]:
        """The line after a will is its topic; those after a subscription are filters."""
        if self._will_follows:
            self._will_follows = False
            yield from self._will(text[1:])
        elif (match := _FILTER.fullmatch(text)) is not None:
            self._asked = match["filter"]

    def _connected(self, text: str) -> None:
        match = _CONNECTED.fullmatch(text)
        if match is None:
            return
        self._connecting = match["client"]
        _remember(self._address_of, self._connecting, match["address"])
        gateway = owner(self._connecting)
        if gateway is not None:
            known = self._seen_at.get(match["address"], set())
            _remember(self._seen_at, match["address"], {*known, gateway} if len(known) < _MOST else known)

    def _will(self, topic: str) -> Iterator[Refusal]:
        gateway = owner(self._connecting)
        if gateway is None or topic in {str(Topic(gateway.organisation, gateway.id, own)) for own in FROM_GATEWAY}:
            return
        detail = f"gateway {gateway.id} left the broker a last will for {_shown(topic)}, which is not its own"
        yield self._refusal(RefusalKind.WILL, self._connecting, detail)

    def _denied(self, text: str) -> Iterator[Refusal]:
        match = _DENIED.match(text)
        if match is not None:
            gateway = owner(match["client"])
            named = f"gateway {gateway.id}" if gateway is not None else match["client"]
            detail = f"{named} tried to publish to {_shown(match['topic'])}, which is not its own"
            yield self._refusal(RefusalKind.PUBLISH, match["client"], detail)

    def _turned_away(self, text: str) -> Iterator[Refusal]:
        match = _REFUSED.fullmatch(text)
        if match is None:
            return
        who = match["who"]
        claimed = owner(who)
        seen = self._seen_at.get(who, set())
        gateway = claimed or (next(iter(seen)) if len(seen) == 1 else None)
        where = (
            f"as gateway {claimed.id}" if claimed else f"from {who}" + (f", where {gateway.id} is" if gateway else "")
        )
        detail = f"the broker refused a connection {where}: unknown or revoked credential, or a client id of another's"
        source = self._address_of.get(who, "unknown") if claimed else who
        yield _about(RefusalKind.CONNECT, source, detail, gateway)

    def _refusal(self, kind: RefusalKind, client: str, detail: str) -> Refusal:
        return _about(kind, self._address_of.get(client, "unknown"), detail, owner(client))


def _about(kind: RefusalKind, source: str, detail: str, gateway: Gateway | None) -> Refusal:
    if gateway is None:
        return Refusal(kind, source, detail)
    return Refusal(kind, source, detail, gateway.organisation, gateway.id)


def _remember(memory: OrderedDict[str, Known], key: str, value: Known) -> None:
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > _MOST:
        memory.popitem(last=False)


def _shown(topic: str) -> str:
    return topic if len(topic) <= _SHOWN else f"{topic[:_SHOWN]}…"
