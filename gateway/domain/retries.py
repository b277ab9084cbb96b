"""Which events are sent next: alarms first, each again and again until its receipt.

A plain data structure over ids: it knows no payloads, no network and no clock. Times are ticks.

An event that is taken is either *sent*, and due again when its receipt is late, or it comes back as *unsent*. At most
``WINDOW`` events are in the air without a receipt, so that a long outage does not end in a flood; a new alarm does not
wait for a place in it.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Final

from gateway.domain.outgoing import Rank

DELAYS_S: Final = (2.0, 4.0, 8.0, 16.0, 30.0)
UNSENT_DELAY_S: Final = 1.0
WINDOW: Final = 256


def delay_s(attempts: int) -> float:
    """How long to wait for a receipt after this many attempts (1 = the first)."""
    return DELAYS_S[min(attempts, len(DELAYS_S)) - 1]


@dataclass(slots=True)
class _Pending:
    rank: Rank
    order: int
    due: float
    attempts: int = 0


_Heap = list[tuple[float, int, str]]


class Retries:
    """The events without a receipt, each with its next time."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}
        self._urgent: deque[str] = deque()
        self._heaps: dict[Rank, _Heap] = {rank: [] for rank in Rank}
        self._awaited: dict[str, float] = {}
        self._orders = count()

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, event: str) -> bool:
        return event in self._pending

    def add(self, event: str, rank: Rank, *, now: float) -> None:
        """An event, due at once. One that is pending already keeps its place."""
        if event not in self._pending:
            self._pending[event] = _Pending(rank, next(self._orders), now)
            self._push(event)

    def hurry(self, event: str) -> None:
        """Let a pending event overtake everything, window or not: a new alarm."""
        self._urgent.append(event)

    def receipted(self, event: str) -> None:
        """Send it no more."""
        self._pending.pop(event, None)
        self._awaited.pop(event, None)

    def all_due(self, *, now: float) -> None:
        """The way to the hub is open again; what was sent before may be lost."""
        self._awaited.clear()
        self._heaps = {rank: [] for rank in Rank}
        for event, pending in self._pending.items():
            pending.due, pending.attempts = now, 0
            self._push(event)

    def take(self, *, now: float, most: int) -> list[str]:
        """Up to ``most`` due events, new alarms first, then by rank and age."""
        self._awaited = {event: until for event, until in self._awaited.items() if until > now}
        taken = self._take_urgent(most)
        for rank in Rank:
            room = min(most, WINDOW - len(self._awaited)) - len(taken)
            taken += self._take_due(self._heaps[rank], now, room)
        return taken

    def sent(self, event: str, *, now: float) -> None:
        """It went out."""
        pending = self._pending[event]
        pending.attempts += 1
        pending.due = now + delay_s(pending.attempts)
        self._awaited[event] = pending.due
        self._push(event)

    def unsent(self, event: str, *, now: float) -> None:
        """It did not: due again in a second, or with the next connection."""
        self._pending[event].due = now + UNSENT_DELAY_S
        self._push(event)

    def next_due(self) -> float | None:
        """When to look again, in ticks; None while nothing is pending."""
        if len(self._awaited) >= WINDOW:
            return min(self._awaited.values())
        tops = [top for heap in self._heaps.values() if (top := self._top(heap)) is not None]
        return min(tops, default=None)

    def _take_urgent(self, most: int) -> list[str]:
        taken: list[str] = []
        while self._urgent and len(taken) < most:
            event = self._urgent.popleft()
            if event in self._pending and event not in self._awaited and event not in taken:
                self._pending[event].due = float("-inf")  # its place in the heap is now stale
                taken.append(event)
        return taken

    def _take_due(self, heap: _Heap, now: float, room: int) -> list[str]:
        taken: list[str] = []
        while len(taken) < room and (top := self._top(heap)) is not None and top <= now:
            taken.append(heapq.heappop(heap)[2])
        return taken

    def _push(self, event: str) -> None:
        pending = self._pending[event]
        heapq.heappush(self._heaps[pending.rank], (pending.due, pending.order, event))

    def _top(self, heap: _Heap) -> float | None:
        while heap and self._stale(heap[0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def _stale(self, entry: tuple[float, int, str]) -> bool:
        due, order, event = entry
        pending = self._pending.get(event)
        return pending is None or pending.due != due or pending.order != order
