"""What the uplink needs of an MQTT connection (:mod:`tocsin.mqtt` has it)."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """What is needed of :class:`tocsin.mqtt.Connection`."""

    @property
    def connected(self) -> bool: ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool: ...


class Message(Protocol):
    """What is needed of :class:`tocsin.mqtt.Received`."""

    @property
    def topic(self) -> str: ...

    @property
    def payload(self) -> bytes: ...

    def acknowledge(self) -> None: ...
