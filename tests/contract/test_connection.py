"""The MQTT connection, once per broker."""

from __future__ import annotations

import queue
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.services import BROKERS, Process, eventually, free_port, running
from tocsin.mqtt import Connection, Received, Will
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def connect(broker: Process) -> Iterator[Callable[..., Connection]]:
    opened: list[Connection] = []

    def open_(client_id: str, **more: object) -> Connection:
        connection = Connection(MqttSettings(port=broker.port or 0), client_id=client_id, **more)  # type: ignore[arg-type]
        connection.start()
        opened.append(connection)
        assert connection.wait_connected(20)
        return connection

    yield open_
    for connection in opened:
        connection.stop()


def test_a_message_arrives_and_is_not_sent_again_once_acknowledged(connect: Callable[..., Connection]) -> None:
    got: queue.Queue[Received] = queue.Queue()
    connect("hub", subscriptions=["a/+"], on_message=got.put)
    assert connect("gateway").publish("a/b", b"hello")
    message = got.get(timeout=10)
    assert (message.topic, message.payload, message.retained) == ("a/b", b"hello", False)
    message.acknowledge()


def test_a_connection_comes_back_by_itself_and_subscribes_again(
    broker: Process, connect: Callable[..., Connection]
) -> None:
    got: queue.Queue[Received] = queue.Queue()
    hub, gateway = connect("hub", subscriptions=["a/+"], on_message=got.put), connect("gateway")
    broker.kill()
    eventually(lambda: not hub.connected and not gateway.connected)
    broker.start()
    eventually(lambda: hub.connected and gateway.connected, within_s=30)

    def arrives() -> bool:
        gateway.publish("a/b", b"again")
        try:
            got.get(timeout=0.2).acknowledge()
        except queue.Empty:
            return False
        return True

    eventually(arrives)


def test_nothing_is_taken_without_a_connection(broker: Process, connect: Callable[..., Connection]) -> None:
    gateway = connect("gateway")
    broker.kill()
    eventually(lambda: not gateway.connected)
    assert not gateway.publish("a/b", b"lost")


def test_the_acknowledgement_of_a_message_of_an_earlier_connection_disturbs_no_later_one(
    broker: Process, connect: Callable[..., Connection]
) -> None:
    got: queue.Queue[Received] = queue.Queue()
    hub, gateway = connect("hub", subscriptions=["a/+"], on_message=got.put), connect("gateway")
    gateway.publish("a/1", b"before")
    before = got.get(timeout=10)
    broker.kill()
    eventually(lambda: not hub.connected)
    broker.start()
    eventually(lambda: hub.connected and gateway.connected, within_s=30)
    before.acknowledge()
    eventually(lambda: gateway.publish("a/2", b"after") and not got.empty(), every_s=0.2)
    assert got.get(timeout=10).payload == b"after"
    assert hub.connected


@pytest.mark.parametrize("kind", sorted(BROKERS))
def test_the_will_of_a_killed_client_is_published_and_that_of_one_that_leaves_is_not(kind: str, tmp_path: Path) -> None:
    with running(BROKERS[kind](tmp_path)) as broker:
        settings = MqttSettings(port=broker.port or 0)
        got: queue.Queue[Received] = queue.Queue()
        watcher = Connection(settings, client_id="watcher", subscriptions=["w/+"], on_message=got.put)
        dying = Connection(settings, client_id="dying", will=Will("w/dying", b"gone"))
        leaving = Connection(settings, client_id="leaving", will=Will("w/leaving", b"gone"))
        for connection in (watcher, dying, leaving):
            connection.start()
            assert connection.wait_connected(20)
        leaving.stop()
        assert dying._client is not None
        dying._client.socket().shutdown(2)  # type: ignore[union-attr]
        assert got.get(timeout=10).topic == "w/dying"
        dying.stop()
        watcher.stop()
        assert got.empty()


def test_packets_of_many_threads_never_mix(connect: Callable[..., Connection]) -> None:
    got: queue.Queue[Received] = queue.Queue()
    connect("hub", subscriptions=["a/+"], on_message=got.put)
    gateway = connect("gateway")

    def send(number: int) -> None:
        for _ in range(20):
            assert gateway.publish(f"a/{number}", bytes([number]) * 60_000)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(160):
        message = got.get(timeout=20)
        assert message.payload == bytes([int(message.topic[2:])]) * 60_000
        message.acknowledge()


def test_a_broker_two_seconds_away_is_reached(tmp_path: Path) -> None:
    relay_port = free_port()
    relay = [sys.executable, "-m", "tests.faults.slow", str(relay_port)]
    with running(BROKERS["mosquitto"](tmp_path)) as broker:
        far = Process([*relay, str(broker.port), "2.0"], log=tmp_path / "relay.log", port=relay_port)
        with running(far):
            connection = Connection(MqttSettings(port=relay_port), client_id="gateway")
            connection.start()
            assert connection.wait_connected(20)
            assert not connection.failures
            connection.stop()
