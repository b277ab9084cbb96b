"""One MQTT connection that comes back by itself.

Every connection is a new paho client: message ids start again after a reconnect, so an acknowledgement belongs to the
connection its message came on and is dropped with it. Nothing is queued here while there is no connection; what must
not be lost is kept by whoever publishes it until a receipt comes (a PUBACK comes from the broker and proves nothing).
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final

import structlog
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from paho.mqtt.reasoncodes import ReasonCode

    from tocsin.settings import MqttSettings

log = structlog.get_logger()

QOS: Final = 1
IN_FLIGHT: Final = 65_535
"""The most that MQTT knows: messages that the broker may have handed over before any of them is acknowledged."""
_BACKOFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
_LAST_BACKOFF_S: Final = 5.0
_LOOP_S: Final = 1.0
_ANSWER_S: Final = 10.0
"""How long a broker may take to answer, first TCP and then CONNECT: a bad mobile link may need seconds for each."""
AWAY_S: Final = 5.0
"""The connection's thread looks every second. A longer pause shows that this program, or its machine, stood still."""
_SETTLED_S: Final = 3.0
"""After such a pause: until then, what comes may have waited, here or at the broker."""
_PROTOCOLS: Final = {
    "auto": (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311),
    "5": (MQTTProtocolVersion.MQTTv5,),
    "3.1.1": (MQTTProtocolVersion.MQTTv311,),
}


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when this connection dies."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A message, with what is needed to acknowledge it on the connection it came on.

    Attributes:
        topic: it was published on.
        payload: what it says.
        retained: the broker had kept it.
        arrived: when, by the connection's monotonic clock. The earliest that it can have been, where that is not known:
            what is read just after this program stood still may have waited at the socket since then.
    """

    topic: str
    payload: bytes
    retained: bool
    arrived: float
    _message: MQTTMessage
    _client: Client

    def acknowledge(self) -> None:
        """Tell the broker that it may forget this message. On a connection that is gone, nothing happens."""
        self._client.ack(self._message.mid, self._message.qos)


class Arrivals:
    """When messages arrived that one thread reads, which looks for them about once a second.

    Args:
        monotonic: seconds that only rise.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._looked_at = float("inf")
        self._away_since = 0.0
        self._doubted_until = float("-inf")

    def begin(self) -> None:
        """The thread looks from now on; what comes has not waited here."""
        self._looked_at = self._monotonic()
        self._doubted_until = float("-inf")

    def looked(self) -> None:
        """It has looked."""
        self.now()
        self._looked_at = self._monotonic()

    def now(self) -> float:
        """When what it reads now arrived, at the earliest."""
        now = self._monotonic()
        if now - self._looked_at > AWAY_S:
            self._away_since, self._doubted_until = self._looked_at, now + _SETTLED_S
            self._looked_at = now
        return self._away_since if now < self._doubted_until else now


class Connection:
    """A connection kept up by a thread of its own; 5 where the broker has it, 3.1.1 otherwise.

    Args:
        settings: where the broker is, and who we are there.
        client_id: unique at the broker.
        subscriptions: topic filters, subscribed at QoS 1 on every connection.
        on_message: called on the connection's thread; must not block for long.
        on_connect: called on that thread after each connection, subscriptions requested.
        will: published by the broker when the connection dies; or what makes one for each connection.
        in_flight: messages that the broker may hand over unacknowledged. Only MQTT 5 can tell it.
        client: makes paho's client, or what stands in its place.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[Received], None] = lambda _: None,
        on_connect: Callable[[], None] = lambda: None,
        will: Will | Callable[[], Will] | None = None,
        in_flight: int = IN_FLIGHT,
        client: Callable[..., Client] = Client,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._on_connect = on_connect
        self._will = will
        self._make_client = client
        self._in_flight = in_flight
        self._listens = True
        self._arrivals = Arrivals(time.monotonic)
        self._protocols = _PROTOCOLS[settings.protocol]
        self._client: Client | None = None
        self._up = threading.Event()
        self._renewing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{client_id}", daemon=True)
        self.failures: Counter[str] = Counter()

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Disconnect properly: the broker does not publish the will."""
        self._stopping.set()
        client = self._client
        if client is not None:
            client.disconnect()
        self._thread.join(timeout=_LAST_BACKOFF_S)

    def renew(self, settings: MqttSettings) -> None:
        """Leave, and come back with these settings; not connected until then. The broker does not publish the will."""
        with self._renewing:
            self._settings = settings
            client, self._client = self._client, None
            self._up.clear()
        if client is not None:
            client.disconnect()

    def listen(self, wanted: bool) -> None:  # noqa: FBT001 - a switch
        """Take part in the subscriptions, or leave them until further notice; the connection stays."""
        if wanted == self._listens:
            return
        self._listens = wanted
        client = self._client
        if client is not None and self.connected and self._subscriptions:
            self._subscribe(client)

    @property
    def listens(self) -> bool:
        return self._listens

    def arrived(self) -> float:
        """When a message that is read now arrived; see :class:`Received`."""
        return self._arrivals.now()

    def wait_connected(self, timeout_s: float) -> bool:
        return self._up.wait(timeout_s)

    def peer_certificate(self) -> dict[str, Any] | None:
        """The broker's certificate as :meth:`ssl.SSLSocket.getpeercert` has it; None without TLS or a connection."""
        sock: Any = self._client.socket() if self._client is not None else None
        return sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the connection; False when there is none. True proves nothing about the receiver."""
        client = self._client
        if client is None or not self.connected:
            return False
        return client.publish(topic, payload, qos=QOS, retain=retain).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _run(self) -> None:
        backoff = self._backoff()
        while not self._stopping.is_set():
            if self._live_once():
                backoff = self._backoff()
            self._stopping.wait(next(backoff))

    def _backoff(self) -> Iterator[float]:
        return chain(_BACKOFF_S, repeat(_LAST_BACKOFF_S))

    def _live_once(self) -> bool:
        """One connection from beginning to end; True if it was ever up."""
        client = self._begin()
        try:
            where = self._settings.host, self._settings.port, self._settings.keepalive_s
            client.connect(*where, properties=self._properties())
            self._loop(client)
        except Exception as failure:  # noqa: BLE001 - whatever it was, the next connection is tried
            self._note_failure(failure)
        return self._end(client)

    def _begin(self) -> Client:
        with self._renewing:
            client = self._client = self._new_client()
        return client

    def _end(self, client: Client) -> bool:
        was_up = self._up.is_set() or client is not self._client
        self._up.clear()
        if not was_up:
            self._protocols = (*self._protocols[1:], self._protocols[0])
        return was_up

    def _loop(self, client: Client) -> None:
        give_up = time.monotonic() + _ANSWER_S
        self._arrivals.begin()
        while client.loop(_LOOP_S) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._arrivals.looked()
            if not self.connected and time.monotonic() > give_up:
                raise TimeoutError("the broker did not answer CONNECT")

    def _note_failure(self, failure: Exception) -> None:
        self.failures[type(failure).__name__] += 1
        log.warning("broker unreachable", client_id=self._client_id, host=self._settings.host, error=str(failure))

    def _new_client(self) -> Client:
        client = self._make_client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._protocols[0],
            clean_session=True if self._protocols[0] != MQTTProtocolVersion.MQTTv5 else None,
            manual_ack=True,
        )
        client.connect_timeout = _ANSWER_S
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_socket_open = _no_delay
        client.on_socket_register_write = _leave_writing
        client.on_socket_unregister_write = _leave_writing
        client.on_connect = self._connected
        client.on_message = self._received
        self._identify(client)
        return client

    def _identify(self, client: Client) -> None:
        if self._settings.username is not None:
            client.username_pw_set(self._settings.username, self._settings.password())
        if self._settings.is_secure:
            authority = self._settings.tls_ca_file
            client.tls_set(ca_certs=None if authority is None else str(authority))
        if (will := self._will() if callable(self._will) else self._will) is not None:
            client.will_set(will.topic, will.payload, qos=QOS, retain=True)

    def _properties(self) -> Properties | None:
        """Of CONNECT; the session ends with the connection."""
        if self._protocols[0] != MQTTProtocolVersion.MQTTv5 or self._in_flight == IN_FLIGHT:
            return None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types there
        properties.ReceiveMaximum = self._in_flight
        return properties

    def _subscribe(self, client: Client) -> None:
        if self._listens:
            client.subscribe([(topic, QOS) for topic in self._subscriptions])
        else:
            client.unsubscribe(list(self._subscriptions))

    def _connected(
        self, client: Client, _data: object, _flags: object, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.failures[str(reason)] += 1
            log.warning("broker refused", client_id=self._client_id, reason=str(reason))
            return
        if client is not self._client:  # renewed meanwhile: the next one counts
            client.disconnect()
            return
        listens = self._listens
        if self._subscriptions and listens:
            self._subscribe(client)
        self._up.set()
        if self._subscriptions and listens != self._listens:
            self._subscribe(client)
        log.info("connected to broker", client_id=self._client_id, protocol=self._protocols[0].name)
        self._on_connect()

    def _received(self, client: Client, _data: object, message: MQTTMessage) -> None:
        if client is not self._client:
            return  # of a connection that was left: whoever left it wants nothing that is still on its way
        self._on_message(
            Received(message.topic, bytes(message.payload), message.retain, self.arrived(), message, client)
        )


def _leave_writing(_client: Client, _data: object, _sock: object) -> None:
    """With this set, paho only wakes our loop: all writing stays on its thread, or packets of two would mix."""


def _no_delay(_client: Client, _data: object, sock: Any) -> None:  # noqa: ANN401 - a socket or paho's wrapper of one
    """Without it, Nagle and delayed acknowledgements cost an alarm 40 ms."""
    if sock.family in {socket.AF_INET, socket.AF_INET6}:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
