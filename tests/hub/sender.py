"""Whoever can reach the broker."""

from __future__ import annotations

from paho.mqtt import publish as paho


def publish(port: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
    paho.single(topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=port)
