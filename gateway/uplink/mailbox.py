"""What other threads leave for the uplink's."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from gateway.domain.outgoing import Outgoing
    from gateway.uplink.ports import Message

Item = TypeVar("Item")


class Arrivals:
    """How often a connection came up; noted on its thread, read on any."""

    def __init__(self) -> None:
        self.times = 0

    def note(self) -> None:
        self.times += 1


class Mailbox:
    """Events for the hub, messages from the broker, and news of the connection. Every method is for any thread.

    Attributes:
        woken: set when something was left.
        arrivals: of the alarm connection.
    """

    def __init__(self) -> None:
        self._events: SimpleQueue[Outgoing] = SimpleQueue()
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self.woken = threading.Event()
        self.arrivals = Arrivals()

    def accept(self, event: Outgoing) -> None:
        """An event for the hub."""
        self._events.put(event)
        self.woken.set()

    def received(self, message: Message) -> None:
        """A message from the broker."""
        self._messages.put(message)
        self.woken.set()

    def connected(self) -> None:
        """The alarm connection is up (again)."""
        self.arrivals.note()
        self.woken.set()

    def take_events(self, most: int) -> list[Outgoing]:
        return _drain(self._events, most)

    def take_messages(self, most: int) -> list[Message]:
        return _drain(self._messages, most)


def _drain(queue: SimpleQueue[Item], most: int) -> list[Item]:
    items: list[Item] = []
    while len(items) < most:
        try:
            items.append(queue.get_nowait())
        except Empty:
            break
    return items
