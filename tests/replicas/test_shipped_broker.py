"""Two hubs at the shipped Mosquitto: TLS, its access list kept by both, their subscriptions shared."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hub.app import Hub
from hub.settings import ReplicaSettings
from protocols.mqtt.topics import Channel
from tests.hub.gateways.secure import secure_mosquitto
from tests.hub.gateways.site import Site, topic
from tests.services import eventually, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services import Postgres

GATEWAYS = [f"gateway-{number}" for number in range(6)]


class SharedSite(Site):
    """The site's hub is one of two."""

    def _start(self) -> Hub:
        self.settings = self.settings.model_copy(update={"replicas": ReplicaSettings(share=True)})
        self.other = Hub(self.settings)
        self.other.start()
        return super()._start()

    def close(self) -> None:
        self.other.stop()
        super().close()

    def taken(self) -> list[float]:
        """Messages that each hub has recorded."""
        return [_total(hub) for hub in (self.hub, self.other)]


def _total(hub: Hub) -> float:
    samples = [sample for metric in hub.metrics.events.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if "total" in sample.name)


@pytest.fixture
def site(postgres: Postgres, postgres_template: str, tmp_path: Path) -> Iterator[SharedSite]:
    (tmp_path / "broker").mkdir()
    broker = secure_mosquitto(tmp_path / "broker")
    with running(broker.process), closing(SharedSite(broker, postgres.new_database(postgres_template))) as made:
        yield made


def test_two_hubs_share_what_the_shipped_broker_has_and_both_keep_its_access_list(site: SharedSite) -> None:
    gateways = {name: site.connect(site.enrol(name), name) for name in GATEWAYS}
    for turn in range(5):
        for name, gateway in gateways.items():
            assert gateway.link.publish(topic(name, Channel.EVENT), b"%d: what can't be read pages" % turn)
    eventually(lambda: sum(site.taken()) >= 30, within_s=30)
    assert sum(site.taken()) == 30
    assert min(site.taken()) >= 5, site.taken()
    for name in GATEWAYS[:3]:
        site.trade.revoke(name)
        site.hub.wake()
        site.other.wake()
    eventually(lambda: not any(gateways[name].link.connected for name in GATEWAYS[:3]), within_s=30)
    again = site.connect(site.enrol(GATEWAYS[0]), GATEWAYS[0])
    assert again.link.connected
    assert site.broker.process.is_alive()
    eventually(lambda: not site.hub.troubles() and not site.other.troubles(), within_s=30)
