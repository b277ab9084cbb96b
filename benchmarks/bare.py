"""The baselines as programs: what is left of gateway and hub when everything but wire and disk is taken away.

``python -m benchmarks.bare gateway PORT FOLDER``        a line in, one commit, one message out
``python -m benchmarks.bare hub PORT FOLDER SMTP_PORT``  a message in, two commits, one mail out
``python -m benchmarks.bare counter PORT``               messages in, counted; answers when it has as many as asked for
"""

from __future__ import annotations

import smtplib
import socket
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS: Final = "tocsin/v1/bench/north/event"
ALL_EVENTS: Final = "tocsin/v1/bench/+/event"
RECEIPTS: Final = "tocsin/v1/bench/+/receipt"
ASKED: Final = "bench/asked"
"""How many further messages the counter is to wait for."""
COUNTED: Final = "bench/counted"
LISTENING: Final = "listening"


def say_listening() -> None:
    print(LISTENING, flush=True)


def connected(
    port: int, *topics: str, take: Callable[[MQTTMessage], None], ready: Callable[[], None] = say_listening
) -> Client:
    """A paho client, subscribed at QoS 1; ``ready`` is called when the broker has agreed to that."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(65535)
    client.on_socket_open = _no_delay
    client.on_subscribe = lambda *_: ready()
    client.on_message = lambda _client, _data, message: take(message)
    client.connect("127.0.0.1", port)
    client.subscribe([(topic, 1) for topic in topics])
    return client


def _no_delay(_client: Client, _data: object, sock: Any) -> None:  # noqa: ANN401 - a socket or paho's wrapper of one
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Disk:
    """A table; every row is a commit of its own, on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS kept (payload BLOB)")

    def commit(self, payload: bytes) -> None:
        self._connection.execute("INSERT INTO kept VALUES (?)", (payload,))


def gateway(port: str, folder: str) -> None:
    disk = Disk(Path(folder) / "bare-gateway.db")
    client = connected(int(port), RECEIPTS, take=lambda _: None)
    client.loop_start()
    for line in sys.stdin.buffer:
        disk.commit(line)
        client.publish(EVENTS, line, qos=1)


def hub(port: str, folder: str, smtp_port: str) -> None:
    disk = Disk(Path(folder) / "bare-hub.db")

    def take(message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        disk.commit(payload)  # the event
        disk.commit(payload)  # the notification
        with smtplib.SMTP("127.0.0.1", int(smtp_port)) as server:
            server.sendmail("hub@bench.example", "sam@bench.example", b"Subject: ALARM\r\n\r\n" + payload + b"\r\n")

    connected(int(port), ALL_EVENTS, take=take).loop_forever()


def counter(port: str) -> None:
    counted, asked = 0, -1

    def take(message: MQTTMessage) -> None:
        nonlocal counted, asked
        if message.topic == ASKED:
            counted, asked = 0, int(message.payload)
            return
        counted += 1
        if counted == asked:
            client.publish(COUNTED, b"counted", qos=1)

    client = connected(int(port), ALL_EVENTS, ASKED, take=take)
    client.loop_forever()


_PROGRAMS: Final[dict[str, Callable[..., None]]] = {"gateway": gateway, "hub": hub, "counter": counter}

if __name__ == "__main__":
    _PROGRAMS[sys.argv[1]](*sys.argv[2:])
