"""The hub's own status per organisation, with a last will: gateways must know when it is blind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from protocols.ids import OrganisationId
from protocols.mqtt import topics
from protocols.mqtt.envelope import EnvelopeError, GatewayState, StatusData, StatusEnvelope
from tocsin import __version__
from tocsin.mqtt import Connection, Will

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.settings import MqttSettings

log = structlog.get_logger()


class Announcer:
    """One small connection per organisation, because a connection has one will.

    Args:
        mqtt: where the broker is.
        boot: of this start.
        restored: number of the last restore from a backup.
    """

    def __init__(self, mqtt: MqttSettings, boot: str, restored: int = 0) -> None:
        self._mqtt = mqtt
        self._boot = boot
        self._restored = restored
        self._links: dict[OrganisationId, Connection] = {}
        self._state = GatewayState.ONLINE

    def announce(self, organisations: Iterable[OrganisationId]) -> None:
        """Say *online* for each organisation. Called only by who has just written to the database."""
        self._state = GatewayState.ONLINE
        for organisation in organisations:
            if organisation not in self._links:
                self._links[organisation] = self._open(organisation)
            self._say(organisation)

    def say_blind(self) -> None:
        """The hub can't record: to gateways it is not there."""
        self._state = GatewayState.OFFLINE
        for organisation in self._links:
            self._say(organisation)

    def heard(self, topic: str, payload: bytes) -> bool:
        """What some hub said of itself, or the broker of it; True if it was that.

        There is one status for all replicas: one that is gone must not pass for all of them.
        """
        channel, _, status = topic.rpartition(f"/{topics.HUB}/")
        if status != topics.Channel.STATUS:
            return False
        organisation = OrganisationId(channel.rpartition("/")[2])
        if self._state is GatewayState.ONLINE and organisation in self._links and self._is_of_one_gone(payload):
            self._say(organisation)
        return True

    def _is_of_one_gone(self, payload: bytes) -> bool:
        try:
            data = StatusEnvelope.from_json(payload).data
        except EnvelopeError as unreadable:
            log.warning("a hub's status can't be read", problems=unreadable.problems)
            return False
        return data.state is GatewayState.OFFLINE and data.boot != self._boot

    def stop(self) -> None:
        self.say_blind()
        for link in self._links.values():
            link.stop()

    def _open(self, organisation: OrganisationId) -> Connection:
        will = Will(topics.hub_status(organisation), self._envelope(organisation, GatewayState.OFFLINE))
        link = Connection(
            self._mqtt,
            client_id=f"hub.{self._boot}.status.{organisation}",
            will=will,
            on_connect=lambda: self._say(organisation),
        )
        link.start()
        return link

    def _say(self, organisation: OrganisationId) -> None:
        link = self._links.get(organisation)
        if link is not None:
            link.publish(topics.hub_status(organisation), self._envelope(organisation, self._state), retain=True)

    def _envelope(self, organisation: OrganisationId, state: GatewayState) -> bytes:
        now = datetime.now(UTC)
        data = StatusData(state=state, boot=self._boot, version=__version__, restored=self._restored)
        return StatusEnvelope(
            id=f"hub-{self._boot}-{now.timestamp()}", source=f"{organisation}/{topics.HUB}", time=now, data=data
        ).to_json()
