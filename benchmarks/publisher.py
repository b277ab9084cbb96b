"""The publisher of both sides: hands over all messages at once and waits for what comes back."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from benchmarks.bare import ASKED, COUNTED, RECEIPTS, connected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from paho.mqtt.client import MQTTMessage

    from benchmarks.wearers import Message

LIMIT_S: Final = 120.0
_AGAIN_S: Final = 0.1


class TooSlowError(Exception):
    """What was waited for did not come.

    Attributes:
        missing: how many answers.
    """

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing} answers still missing after {LIMIT_S:.0f} s")
        self.missing = missing


class Publisher:
    """One paho client; a context."""

    def __init__(self, port: int) -> None:
        self._missing: set[str] = set()
        self._complete = threading.Event()
        self._ready = threading.Event()
        self._client = connected(port, RECEIPTS, COUNTED, take=self._take, ready=self._ready.set)

    def __enter__(self) -> Self:
        self._client.loop_start()
        if not self._ready.wait(LIMIT_S):
            raise TooSlowError(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def reach(self, message: Message) -> None:
        """Publish one message, as a gateway would, until the hub is there to receipt it."""
        self._expect({_id(message)})
        give_up = time.monotonic() + LIMIT_S
        while not self._complete.is_set():
            self._client.publish(*message, qos=1)
            if not self._complete.wait(_AGAIN_S) and time.monotonic() > give_up:
                raise TooSlowError(len(self._missing))

    def until_receipted(self, messages: Sequence[Message]) -> float:
        """Seconds from the first message handed over to the hub's last receipt."""
        self._expect({_id(message) for message in messages})
        return self._send(messages)

    def until_counted(self, messages: Sequence[Message]) -> float:
        """Seconds from the first message handed over to the counter having seen them all."""
        self._expect({"counted"})
        self._client.publish(ASKED, b"%d" % len(messages), qos=1)
        return self._send(messages)

    def hand_over(self, messages: Sequence[Message]) -> None:
        """Publish, and wait for nothing."""
        for message in messages:
            self._client.publish(*message, qos=1)

    def _expect(self, answers: set[str]) -> None:
        self._missing = answers
        self._complete.clear()

    def _send(self, messages: Sequence[Message]) -> float:
        start = time.monotonic()
        self.hand_over(messages)
        if not self._complete.wait(LIMIT_S):
            raise TooSlowError(len(self._missing))
        return time.monotonic() - start

    def _take(self, message: MQTTMessage) -> None:
        answer = "counted" if message.topic == COUNTED else json.loads(message.payload)["data"]["event"]
        self._missing.discard(answer)
        if not self._missing:
            self._complete.set()


def _id(message: Message) -> str:
    return str(json.loads(message.payload)["id"])
