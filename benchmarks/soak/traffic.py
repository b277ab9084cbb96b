"""Many gateways as one sender: events at a rate, each sent again until the hub has receipted it.

As a gateway does it: again after 2, 4, 8, 16, 30 s. So what is lost on the way costs time, and nothing may be missing
at the end.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import count
from statistics import quantiles
from typing import TYPE_CHECKING, Final

from benchmarks.bare import RECEIPTS
from benchmarks.wearers import Message, envelope
from protocols.events import Stage
from protocols.mqtt.envelope import event_id
from tocsin.mqtt import Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.wearers import Wearer
    from tocsin.mqtt import Received

STEP_S: Final = 0.02
FIRST_AGAIN_S: Final = 2.0
LAST_AGAIN_S: Final = 30.0
AHEAD_S: Final = 2.0
"""So many seconds' events may be unreceipted before no new ones are made: the rate that is reached is the hub's."""
PANIC_EACH: Final = 500
"""One in so many is a press, the others are check-ins."""


@dataclass(slots=True)
class _Waiting:
    message: Message
    first_at: float
    again_at: float
    wait_s: float = FIRST_AGAIN_S


@dataclass(frozen=True, slots=True)
class Window:
    """What came back since it was last asked.

    Attributes:
        receipts: how many.
        p99_ms: from the first sending to the receipt; None when there were too few.
        oldest_s: age of the oldest event without one.
    """

    receipts: int
    p99_ms: float | None
    oldest_s: float


class Traffic(threading.Thread):
    """Sends until it is stopped.

    Args:
        broker_port: where to.
        people: whose devices speak, in turn.
        rate: events per second.

    Attributes:
        made: events so far.
        again: how often one was sent again.
        duplicates: receipts for what had been receipted.
    """

    def __init__(self, broker_port: int, people: Sequence[Wearer], rate: float) -> None:
        super().__init__(name="traffic", daemon=True)
        self._people = people
        self._rate = rate
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._lately: deque[float] = deque()
        self._stopping = threading.Event()
        self._numbers = count()
        self.made = 0
        self.again = 0
        self.duplicates = 0
        self._link = Connection(
            MqttSettings(port=broker_port),
            client_id="soak",
            subscriptions=[RECEIPTS],
            on_message=self._take,
        )

    def run(self) -> None:
        self._link.start()
        due, last = 0.0, time.monotonic()
        while not self._stopping.wait(STEP_S):
            now = time.monotonic()
            due = min(due + (now - last) * self._rate, self._rate)
            last = now
            self._send_again(now)
            while due >= 1 and len(self._waiting) < self._rate * AHEAD_S:
                self._send_new(now)
                due -= 1

    def stop(self) -> None:
        """No new events; what has no receipt yet is still sent again, until :meth:`close`."""
        self._rate = 0.0

    def close(self) -> None:
        self._stopping.set()
        self.join()
        self._link.stop()

    @property
    def unreceipted(self) -> int:
        return len(self._waiting)

    def window(self) -> Window:
        with self._lock:
            lately, self._lately = list(self._lately), deque()
            oldest = min((one.first_at for one in self._waiting.values()), default=None)
        p99 = quantiles(lately, n=100, method="inclusive")[-1] * 1000 if len(lately) > 1 else None
        return Window(len(lately), p99, 0.0 if oldest is None else time.monotonic() - oldest)

    def _send_new(self, now: float) -> None:
        number = next(self._numbers)
        wearer = self._people[number % len(self._people)]
        is_panic = number % PANIC_EACH == PANIC_EACH - 1
        frame = wearer.panic() if is_panic else wearer.check_in()
        stage = Stage.ALARM if is_panic else Stage.NOTICE
        key = (wearer.address, 1, wearer.sequence, int(stage))
        waiting = _Waiting(envelope(wearer, frame), now, now + FIRST_AGAIN_S)
        self.made += 1
        with self._lock:
            self._waiting[event_id(*key)] = waiting
        self._link.publish(*waiting.message)

    def _send_again(self, now: float) -> None:
        if not self._link.connected:
            return
        with self._lock:
            due = [one for one in self._waiting.values() if one.again_at <= now]
        for one in due:
            one.wait_s = min(one.wait_s * 2, LAST_AGAIN_S)
            one.again_at = now + one.wait_s
            self.again += 1
            self._link.publish(*one.message)

    def _take(self, message: Received) -> None:
        event = json.loads(message.payload)["data"]["event"]
        message.acknowledge()
        with self._lock:
            waiting = self._waiting.pop(event, None)
            if waiting is None:
                self.duplicates += 1
            else:
                self._lately.append(time.monotonic() - waiting.first_at)
