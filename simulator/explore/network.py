"""A broker, and what lies between it and the processes: packets late, lost, twice, out of order; connections broken.

The connections are the product's own (:class:`tocsin.mqtt.Connection`); only paho's client is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.enums import MQTTErrorCode

from tocsin.mqtt import Arrivals, Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from simulator.explore.agenda import Agenda
    from simulator.explore.process import Process
    from simulator.explore.story import Story

HOP_S: Final = 0.004


@dataclass
class Weather:
    """How bad the network is.

    Attributes:
        loss: probability that the broker forgets a message.
        repeats: probability that it delivers one twice.
        delay_s: the longest a message is under way, besides :data:`HOP_S`.
        disorder: probability that a message overtakes.
    """

    loss: float = 0.0
    repeats: float = 0.0
    delay_s: float = 0.02
    disorder: float = 0.0


@dataclass(frozen=True)
class Packet:
    """A message, as paho hands it over."""

    topic: str
    payload: bytes
    retain: bool = False
    mid: int = 0
    qos: int = 1


@dataclass(frozen=True)
class _Answer:
    rc: int
    is_failure: bool = False


class SimulatedClient:
    """Stands where :class:`paho.mqtt.client.Client` stands: one connection, from beginning to end.

    Attributes:
        acknowledged: called with each message that the broker has taken (its PUBACK).
    """

    def __init__(self, process: Process, broker: Broker, *_: object, client_id: str, **__: object) -> None:
        self.process = process
        self.client_id = client_id
        self.is_open = False
        self.filters: list[str] = []
        self.will: Packet | None = None
        self.on_connect: Callable[..., None] = lambda *_: None
        self.on_message: Callable[..., None] = lambda *_: None
        self.acknowledged: Callable[[Packet], None] = lambda _: None
        self.unacknowledged: dict[int, Packet] = {}
        self.taken: set[int] = set()
        self.connection: SimulatedConnection | None = None
        self._broker = broker
        self._mids = count(1)
        self.last_s = {"up": 0.0, "down": 0.0}

    def max_inflight_messages_set(self, _most: int) -> None:
        """There is no limit."""

    def will_set(self, topic: str, payload: bytes, **_: object) -> None:
        self.will = Packet(topic, payload, retain=True)

    def subscribe(self, topics: list[tuple[str, int]]) -> None:
        self._broker.carry("up", self, lambda: self._broker.subscribed(self, [topic for topic, _ in topics]))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, **_: object) -> _Answer:
        if not self.is_open or self.process.fate.dead:
            return _Answer(MQTTErrorCode.MQTT_ERR_NO_CONN)
        self.process.fate.point("publish")
        packet = Packet(topic, payload, retain)
        self._broker.published(self, packet)
        self.process.fate.point("after publish")
        return _Answer(MQTTErrorCode.MQTT_ERR_SUCCESS)

    def ack(self, mid: int, _qos: int) -> None:
        if self.is_open and not self.process.fate.dead:
            self.process.fate.point("ack")
            self._broker.acknowledged(self, mid)

    def take(self, packet: Packet) -> None:
        self.taken.add(packet.mid)
        self.on_message(self, None, packet)

    def disconnect(self) -> None:
        self._broker.leave(self, properly=True)

    def next_mid(self) -> int:
        return next(self._mids)


class SimulatedConnection(Connection):
    """The product's connection; what its thread does, the agenda does."""

    def __init__(self, process: Process, broker: Broker, **arguments: Any) -> None:  # noqa: ANN401 - see Connection
        made: Any = partial(SimulatedClient, process, broker)
        super().__init__(MqttSettings(), client=made, **arguments)
        self._arrivals = Arrivals(lambda: process.agenda.now)
        self._process = process
        self._broker = broker
        self._waits = self._backoff()

    def start(self) -> None:
        self.dial()

    def stop(self) -> None:
        self._stopping.set()
        if self._client is not None:
            self._client.disconnect()

    def dial(self) -> None:
        if not self._stopping.is_set() and not self._process.fate.dead:
            client: Any = self._begin()
            client.connection = self
            self._broker.dialled(client)

    @property
    def present(self) -> object | None:
        """The connection there is, if there is one, and both ends have it."""
        client: Any = self._client
        return client if self.connected and client.is_open else None

    def up(self, client: Any) -> None:  # noqa: ANN401 - a SimulatedClient, where paho's is expected
        self._waits = self._backoff()
        client.on_connect(client, None, None, _Answer(0), None)

    def down(self, client: Any) -> None:  # noqa: ANN401 - as above
        self._end(client)
        self._process.agenda.after(next(self._waits), self.dial)


@dataclass
class Broker:
    """Keeps nothing that it need not: sessions end with their connections.

    Attributes:
        weather: of the network.
        watched: told of each message that a process hands over, when it does.
        acked: told of each message that a process says need not be kept.
        cut: names of processes that can't be reached.
    """

    agenda: Agenda
    dice: Random
    story: Story
    watched: Callable[[str, Packet], None] = lambda _who, _packet: None
    acked: Callable[[Packet], None] = lambda _: None
    weather: Weather = field(default_factory=Weather)
    cut: set[str] = field(default_factory=set)
    is_up: bool = True
    retained: dict[str, Packet] = field(default_factory=dict)
    clients: list[SimulatedClient] = field(default_factory=list)

    # Connections

    def dialled(self, client: SimulatedClient) -> None:
        self.agenda.after(self._hop(), partial(client.process.do, partial(self._answer, client)))

    def _answer(self, client: SimulatedClient) -> None:
        connection = client.connection
        if connection is None:
            return
        if not self.is_up or client.process.name in self.cut:
            connection.down(client)
            return
        client.is_open = True
        self.clients.append(client)
        connection.up(client)

    def leave(self, client: SimulatedClient, *, properly: bool = False) -> None:
        """A connection ends; what was in flight is gone."""
        client.is_open = False
        client.unacknowledged.clear()
        if client in self.clients:
            self.clients.remove(client)
            if client.will is not None and not properly:
                self._route(client.will)

    def break_(self, client: SimulatedClient, noticed_s: float) -> None:
        """Broken, which the process notices later."""
        self.leave(client)
        connection = client.connection
        if connection is not None:
            self.agenda.after(noticed_s, partial(client.process.do, partial(connection.down, client)))

    def lost(self, process: Process) -> None:
        """A process died: nobody says goodbye."""
        for client in [client for client in self.clients if client.process is process]:
            self.leave(client)

    def of(self, name: str) -> list[SimulatedClient]:
        return [client for client in self.clients if client.process.name == name]

    def forget(self, *, retained: bool) -> None:
        """It starts anew."""
        if retained:
            self.retained.clear()
        for client in list(self.clients):
            client.will = None
            self.break_(client, self.dice.uniform(0, 2))

    # Messages

    def subscribed(self, client: SimulatedClient, filters: Sequence[str]) -> None:
        client.filters = list(filters)
        for packet in list(self.retained.values()):
            if any(matches(one, packet.topic) for one in client.filters):
                self._deliver(client, packet)

    def published(self, client: SimulatedClient, packet: Packet) -> None:
        self.watched(client.process.name, packet)
        self.carry("up", client, partial(self._arrived, client, packet))

    def _arrived(self, client: SimulatedClient, packet: Packet) -> None:
        self.carry("down", client, lambda: client.process.do(lambda: client.acknowledged(packet)))
        if self.dice.random() >= self.weather.loss:
            self._route(packet)

    def _route(self, packet: Packet) -> None:
        if packet.retain:
            self.retained[packet.topic] = packet
        for client in list(self.clients):
            if any(matches(one, packet.topic) for one in client.filters):
                for _ in range(1 + (self.dice.random() < self.weather.repeats)):
                    self._deliver(client, Packet(packet.topic, packet.payload))

    def _deliver(self, client: SimulatedClient, packet: Packet) -> None:
        numbered = Packet(packet.topic, packet.payload, packet.retain, client.next_mid())
        client.unacknowledged[numbered.mid] = numbered
        self.carry("down", client, lambda: client.process.do(partial(client.take, numbered)))

    def acknowledged(self, client: SimulatedClient, mid: int) -> None:
        packet = client.unacknowledged.pop(mid, None)
        if packet is None:
            self.story.violated("ack", f"message {mid} is acknowledged on {client.client_id}, which has none")
            return
        if mid not in client.taken:
            self.story.violated("ack", f"message {mid} of {client.client_id} is acknowledged, and has not come yet")
        self.acked(packet)

    def carry(self, way: str, client: SimulatedClient, act: Callable[[], object]) -> None:
        """Take something along a connection, if that lasts."""
        when = self.agenda.now + self._hop()
        if self.dice.random() >= self.weather.disorder:
            when = max(when, client.last_s[way])
            client.last_s[way] = when
        self.agenda.at(when, lambda: client.is_open and act())

    def _hop(self) -> float:
        return HOP_S + self.dice.random() * self.weather.delay_s


def matches(subscription: str, topic: str) -> bool:
    """MQTT's ``+`` stands for one level."""
    if subscription == topic:
        return True
    wanted, there = subscription.split("/"), topic.split("/")
    return len(wanted) == len(there) and all(one in {"+", other} for one, other in zip(wanted, there, strict=True))
