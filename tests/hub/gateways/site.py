"""A hub at the shipped broker, two organisations, and gateways that are enrolled there."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from hub.app import Hub
from hub.broker import refusals
from hub.store import presence
from hub.web.app import build
from protocols.enrolment import Credential, Enrolment
from protocols.mqtt.topics import Channel, Topic
from tests.hub.gateways.trade import ACME, Trade, claim_number
from tests.services import eventually, free_port, wait_for_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from hub.cases.access import RefusalKind
    from protocols.ids import GatewayId, OrganisationId
    from tests.hub.gateways.secure import SecureBroker
    from tocsin.mqtt import Connection, Received


def topic(gateway: str, channel: Channel, organisation: OrganisationId = ACME) -> str:
    return str(Topic(organisation, gateway, channel))  # type: ignore[arg-type]


@dataclass
class Enrolled:
    """A gateway's connection, with what it heard and how often it was made."""

    link: Connection
    heard: list[Received] = field(default_factory=list)
    connected_at: list[float] = field(default_factory=list)

    def topics(self) -> list[str]:
        return [message.topic for message in self.heard]


class Site:
    """Everything that runs. Gateways enrol through the hub's real HTTPS server."""

    def __init__(self, broker: SecureBroker, database: str) -> None:
        self.broker = broker
        self.port = free_port()
        self.settings = broker.settings(database, self.port)
        self.opened: list[Connection] = []
        self.hub = self._start()

    def _start(self) -> Hub:
        hub = Hub(self.settings)
        self.trade = Trade(hub.store)
        hub.start()
        eventually(lambda: hub.troubles() == [] and hub._announcer._links, within_s=20)
        return hub

    def serve(self) -> None:
        """The hub's web server, as ``tocsin hub run`` starts it."""
        web = self.settings.web
        config = uvicorn.Config(
            build(self.hub.console()),
            host="127.0.0.1",
            port=self.port,
            ssl_certfile=web.tls_cert_file,
            ssl_keyfile=web.tls_key_file,
            log_config=None,
            access_log=False,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        wait_for_port(self.port)

    def https(self) -> httpx.Client:
        pinned = ssl.create_default_context(cafile=str(self.broker.authority))
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}/api/v1/gateway", verify=pinned)

    def close(self) -> None:
        for link in self.opened:
            link.stop()
        if hasattr(self, "server"):
            self.server.should_exit = True
            self._thread.join(timeout=10)
        self.hub.stop()

    def restart_hub(self) -> None:
        self.hub.stop()
        self.hub = self._start()

    def enrol(self, gateway: str = "north", organisation: OrganisationId = ACME) -> Credential:
        """As the endpoint does it, without the network."""
        done = self.trade.claim(self.trade.code(gateway, organisation), claim_number())
        assert isinstance(done, Enrolment)
        self.hub._keeper.admit()
        assert self.trade.use(done.credential)
        return done.credential

    def connect(
        self,
        credential: Credential,
        gateway: str = "north",
        organisation: OrganisationId = ACME,
        *,
        subscribe: Sequence[str] = (),
        wait: bool = True,
        **more: Any,
    ) -> Enrolled:
        heard: list[Received] = []
        times: list[float] = []
        link = self.broker.link(
            credential,
            organisation,
            gateway,
            subscriptions=subscribe,
            on_message=heard.append,
            on_connect=lambda: times.append(time.monotonic()),
            **more,
        )
        self.opened.append(link)
        link.start()
        assert not wait or link.wait_connected(10)
        return Enrolled(link, heard, times)

    def is_refused(self, link: Connection) -> bool:
        """Within a few tries the broker has said so."""
        return bool(eventually(lambda: sum(link.failures.values()) >= 2)) and not link.connected

    def refused(self, kind: RefusalKind) -> float:
        """How often this was counted."""
        name, labels = "tocsin_access_refused_total", {"kind": kind.value}
        return self.hub.metrics.registry.get_sample_value(name, labels) or 0.0

    def accused(self, organisation: OrganisationId = ACME) -> dict[str, str]:
        """Open access faults: what administrators are told, by gateway or address."""
        return {fault.subject.partition(", ")[0]: fault.detail for fault in self.trade.refusals(organisation)}

    def mended(self) -> float:
        """Commands that the hub has given to the broker so far."""
        samples = next(iter(self.hub.metrics.broker_mended.collect())).samples
        return sum(sample.value for sample in samples if sample.name.endswith("_total"))

    def known(self, gateway: GatewayId | str, organisation: OrganisationId = ACME) -> presence.GatewayRecord | None:
        return self.hub.store.read(lambda tx: presence.get_gateway(tx, organisation, gateway))


def tell_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "HELD_S", 0.0)
