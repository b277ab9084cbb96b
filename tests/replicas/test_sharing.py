"""When a replica takes part in what is shared, and when it leaves it to others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.app import Hub
from hub.ingest.inbox import EACH
from hub.settings import HubSettings
from hub.sharing import LATE_S, Share
from hub.sharing import subscriptions as shared
from protocols.mqtt.topics import Channel
from tests.services import eventually
from tocsin.mqtt import Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services import Process
    from tocsin.mqtt import Received

POSTGRES = "postgresql+psycopg://db.example/tocsin"


def settings(tmp_path: Path, **more: Any) -> HubSettings:
    given = {"database": POSTGRES, "keys_file": tmp_path / "hub.keys", "replicas": {"share": True}, **more}
    return HubSettings.model_validate(given)


def test_a_shared_subscription_is_asked_for_only_where_several_share(tmp_path: Path) -> None:
    alone = settings(tmp_path, replicas={})
    assert shared(alone, (Channel.EVENT,)) == ["tocsin/v1/+/+/event"]
    assert shared(settings(tmp_path), (Channel.EVENT,)) == ["$share/hub/tocsin/v1/+/+/event"]


def test_settings_that_can_not_share_are_told_so(tmp_path: Path) -> None:
    assert list(settings(tmp_path).contradictions()) == []
    (sqlite,) = settings(tmp_path, database="sqlite:///hub.db").contradictions()
    assert "PostgreSQL" in sqlite
    (embedded,) = settings(tmp_path, broker={"port": 1883}).contradictions()
    assert "no shared subscriptions" in embedded


def test_one_gateway_that_floods_does_not_fill_what_the_broker_may_hand_over(tmp_path: Path) -> None:
    assert settings(tmp_path).replicas.in_flight >= 2 * EACH


class Link:
    """Stands where a connection stands."""

    def __init__(self) -> None:
        self.listens = True

    def listen(self, wanted: bool) -> None:
        self.listens = wanted


class Late:
    def __init__(self, name: str) -> None:
        self.name = name
        self.finished_ago_s = 0.0


def test_a_replica_whose_loop_stands_still_leaves_and_comes_back_by_itself() -> None:
    link, loop = Link(), Late("ingest")
    share = Share({link: {loop: 0.25}})  # type: ignore[dict-item]
    for ago_s, listens in ((LATE_S, True), (LATE_S + 1, False), (LATE_S + 60, False), (0.1, True)):
        loop.finished_ago_s = ago_s
        share.step()
        assert link.listens is listens


def test_a_loop_that_is_late_leaves_only_what_it_records(tmp_path: Path) -> None:
    hub = Hub(settings(tmp_path, database=f"sqlite:///{tmp_path}/hub.db", replicas={}))
    try:
        loops = {loop.name: loop for loop in hub._loops}
        links = {"events": hub._event_link, "signs": hub._sign_link}
        left = {"ingest": {"events"}, "probe": {"events"}, "signs": {"signs"}, "gauges": set(), "dispatch": set()}
        for name, expected in left.items():
            loops[name]._finished_at -= 60
            hub._share.step()
            assert {each for each, link in links.items() if not link.listens} == expected, name
            loops[name]._finished_at += 60
    finally:
        hub.store.close()


def test_a_hub_that_takes_no_events_tells_gateways_that_it_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(settings(tmp_path, database=f"sqlite:///{tmp_path}/hub.db", replicas={}))
    said: list[str] = []
    monkeypatch.setattr(hub._announcer, "announce", lambda _: said.append("online"))
    monkeypatch.setattr(hub._announcer, "say_blind", lambda: said.append("blind"))
    try:
        for listens in (True, False, True):
            hub._event_link.listen(listens)
            hub._probe()
        assert said == ["online", "blind", "online"]
    finally:
        hub.store.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_who_leaves_a_subscription_leaves_its_messages_to_the_other(shared_broker: Process, protocol: str) -> None:
    heard: dict[str, list[Received]] = {"one": [], "two": []}
    mqtt = MqttSettings(port=shared_broker.port or 0, protocol=protocol)  # type: ignore[arg-type]
    links = {
        name: Connection(mqtt, client_id=name, subscriptions=["$share/hub/t"], on_message=put.append, in_flight=300)
        for name, put in heard.items()
    }
    for link in links.values():
        link.start()
        assert link.wait_connected(20)
    links["one"].listen(False)
    eventually(lambda: _comes_to(links["two"], heard["two"]))
    before, there = len(heard["one"]), len(heard["two"])
    for _ in range(20):
        assert links["one"].publish("t", b"x")
    eventually(lambda: len(heard["two"]) >= there + 20)
    assert len(heard["one"]) == before
    links["one"].listen(True)
    eventually(lambda: links["two"].publish("t", b"x") and len(heard["one"]) > before)
    for link in links.values():
        link.stop()


def _comes_to(link: Connection, heard: list[Received]) -> bool:
    """Once the other has left, everything."""
    link.publish("t", b"x")
    return len(heard) >= 10
