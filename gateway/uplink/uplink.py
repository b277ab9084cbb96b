"""One turn of the alarm connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.domain.moment import Moment
    from gateway.uplink.inbox import Inbox
    from gateway.uplink.sender import Sender

IDLE_S: Final = 1.0


class Uplink:
    """Sender and inbox, driven by one thread (or by a virtual clock)."""

    def __init__(self, sender: Sender, inbox: Inbox) -> None:
        self._sender = sender
        self._inbox = inbox

    def step(self, now: Moment) -> float:
        """A bounded piece of work; returns when the next is due, in ticks."""
        more = self._inbox.step(now)
        due = self._sender.step(now)
        idle = now.ticks + IDLE_S
        if more:
            return now.ticks
        return idle if due is None else min(idle, due)
