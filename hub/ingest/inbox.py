"""Messages between the broker's thread and the one that records them."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tocsin.mqtt import Received

LIMIT: Final = 20_000
"""Messages kept. What does not fit is not acknowledged, and its gateway sends it again until it has a receipt."""


class Inbox:
    """A bounded queue, emptied in batches."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._queue: queue.Queue[Received] = queue.Queue(limit)
        self.overflowed = 0

    def put(self, message: Received) -> None:
        """Called on the broker's thread; never waits."""
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self.overflowed += 1

    def take(self, limit: int, wait_s: float) -> list[Received]:
        """Up to ``limit`` messages; waits ``wait_s`` for the first and for no other."""
        try:
            batch = [self._queue.get(timeout=wait_s)]
        except queue.Empty:
            return []
        while len(batch) < limit:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch
