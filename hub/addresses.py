"""How gateways reach this hub, by its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hub import authority
from hub.cases.way_in import WayIn
from protocols.enrolment import BrokerAddress

if TYPE_CHECKING:
    from hub.settings import HubSettings


def way_in(settings: HubSettings) -> WayIn:
    """What gateways are told.

    Raises:
        AuthorityError: the authority's certificate can't be read.
    """
    mqtt, asked = settings.mqtt, settings.gateways
    host = asked.broker_host or _public_host(settings) or mqtt.host
    broker = BrokerAddress(host=host, port=asked.broker_port or mqtt.port, tls=mqtt.is_secure)
    return WayIn(hub_url=settings.web.public_url.rstrip("/"), authority=_authority(settings), broker=broker)


def _public_host(settings: HubSettings) -> str | None:
    """A broker that speaks TLS is taken to be where the hub is; any other is on this very machine."""
    return urlsplit(settings.web.public_url).hostname if settings.mqtt.is_secure else None


def _authority(settings: HubSettings) -> str | None:
    path = settings.web.authority_file
    return None if path is None else authority.pem(authority.read(path))
