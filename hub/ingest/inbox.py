"""Messages between the broker's thread and the one that records them: a queue for each gateway, taken in turn.

So a gateway that sends without end delays nobody's alarm but its own.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
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
SHARE_BYTES: Final = 64 * 1024
"""Of payload, the same. A digest of 200 devices fits; of larger messages there is one in a batch."""


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


@dataclass
class _Taken:
    """Of one gateway, in one batch."""

    messages: int = 0
    size: int = 0

    def has_its_share(self, message: Received) -> bool:
        """With this message."""
        self.messages += 1
        self.size += len(message.payload)
        return self.messages >= SHARE or self.size >= SHARE_BYTES


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
            served: OrderedDict[str, _Waiting] = OrderedDict()
            taken: dict[str, _Taken] = defaultdict(_Taken)
            while len(batch) < limit and self._waiting:
                sender, waiting = self._waiting.popitem(last=False)
                message = waiting.pop()
                batch.append(message)
                if waiting.messages:
                    (served if taken[sender].has_its_share(message) else self._waiting)[sender] = waiting
            self._waiting.update(served)
        return batch

    def dropped(self) -> dict[str, int]:
        """How many messages did not fit since this was last asked, by topic."""
        with self._changed:
            dropped, self._dropped = self._dropped, Counter()
        return dict(dropped)


def _sender(message: Received) -> str:
    """The topic up to its channel: the broker lets a gateway use its own only."""
    return message.topic.rpartition("/")[0]
