"""Messages between the broker's thread and the one that records them: a queue for each gateway, taken in turn.

So a gateway that sends without end delays nobody's alarm but its own.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tocsin.mqtt import Received

EACH: Final = 2_000
"""Messages kept of one gateway."""
EACH_BYTES: Final = 4 * 1024 * 1024
"""Of payload, kept of one gateway. What does not fit is acknowledged, so that the broker need not keep it, and dropped:
its gateway sends it again until it has a receipt."""


SHARE: Final = 32
"""Messages of one gateway in one batch: whoever sends just after a batch was taken waits until it is recorded."""


class _Waiting:
    """What one gateway has sent."""

    def __init__(self) -> None:
        self.messages: deque[Received] = deque()
        self.size = 0

    def put(self, message: Received) -> None:
        self.messages.append(message)
        self.size += len(message.payload)

    def pop(self) -> Received:
        message = self.messages.popleft()
        self.size -= len(message.payload)
        return message


class Inbox:
    """Bounded queues, emptied in batches.

    Attributes:
        overflowed: messages dropped since the start.
    """

    def __init__(self, each: int = EACH, each_bytes: int = EACH_BYTES) -> None:
        self._each = each
        self._each_bytes = each_bytes
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._dropped: Counter[str] = Counter()
        self.overflowed = 0

    def put(self, message: Received) -> None:
        """Called on the broker's thread; never waits."""
        sender = _sender(message)
        with self._changed:
            waiting = self._waiting.setdefault(sender, _Waiting())
            fits = len(waiting.messages) < self._each and waiting.size + len(message.payload) <= self._each_bytes
            if fits or not waiting.messages:
                waiting.put(message)
                self._changed.notify()
                return
            self._dropped[message.topic] += 1
            self.overflowed += 1
        message.acknowledge()

    def take(self, limit: int, wait_s: float) -> list[Received]:
        """Up to ``limit`` messages, one of each gateway in turn; waits ``wait_s`` for the first and for no other."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, wait_s)
            batch: list[Received] = []
            turns = Counter(dict.fromkeys(self._waiting, SHARE))
            while len(batch) < limit and self._waiting and turns[next(iter(self._waiting))]:
                sender, waiting = self._waiting.popitem(last=False)
                batch.append(waiting.pop())
                turns[sender] -= 1
                if waiting.messages:
                    self._waiting[sender] = waiting
        return batch

    def clear(self) -> None:
        """Drop everything; it is not acknowledged."""
        with self._changed:
            self._waiting.clear()

    def dropped(self) -> dict[str, int]:
        """How many messages did not fit since this was last asked, by topic."""
        with self._changed:
            dropped, self._dropped = self._dropped, Counter()
        return dict(dropped)


def _sender(message: Received) -> str:
    """The topic up to its channel: the broker lets a gateway use its own only."""
    return message.topic.rpartition("/")[0]
