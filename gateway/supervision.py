"""Whether the gateway's loops are alive, told to systemd, which restarts a gateway whose loops are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.domain.moment import Moment

log = structlog.get_logger()

STALLED_AFTER_S: Final = 60.0
"""More than the longest turn may take: a radio that is reset waits for three calls of up to 10 s."""
PATIENCE_S: Final = {"keys": 600.0}
"""Loops that may take longer. That one asks the hub over HTTPS, twice in one turn at worst, and holds up no alarm."""
LOOK_EVERY_S: Final = 5.0


class Pulse:
    """When each loop last began a turn; noted on its own thread, read on any."""

    def __init__(self, loops: Iterable[str], now: Moment) -> None:
        self._turned = dict.fromkeys(loops, now.ticks)

    def beat(self, loop: str, now: Moment) -> None:
        self._turned[loop] = now.ticks

    def stalled(self, now: Moment) -> list[str]:
        """Loops that began no turn for too long."""
        ages = {loop: now.ticks - turned for loop, turned in self._turned.items()}
        return [loop for loop, age_s in ages.items() if age_s > PATIENCE_S.get(loop, STALLED_AFTER_S)]


@dataclass(frozen=True, slots=True)
class Health:
    """What there is to say of a gateway.

    Attributes:
        hears: it hears adverts, or may still expect to.
        radio: the radio was started.
        connected: to the broker.
        hub_online: what the hub's status says; None before it said anything.
        waiting: events without a receipt.
        expected: devices whose keys are known.
        revoked: the hub knows this gateway no more.
    """

    hears: bool
    radio: bool
    connected: bool
    hub_online: bool | None
    waiting: int
    expected: int
    revoked: bool


def in_words(health: Health, stalled: list[str]) -> str:
    """One line; what is wrong comes first."""
    wrong = [
        f"stalled: {', '.join(stalled)}" if stalled else "",
        "revoked: enrol it anew" if health.revoked else "",
        "" if health.radio else "the radio does not start",
        "" if health.hears or not health.radio else "hears nothing",
        "" if health.connected else "no connection to the broker",
        "the hub is offline" if health.connected and health.hub_online is False else "",
    ]
    right = [f"{health.expected} devices expected", f"{health.waiting} events waiting"]
    return ", ".join([*filter(None, wrong), *right])


class Manager(Protocol):
    """What is needed of :class:`tocsin.systemd.Notifier`."""

    def alive(self) -> None: ...

    def status(self, words: str) -> None: ...


class Supervisor:
    """Feeds the watchdog while every loop is alive, and says how the gateway is.

    Args:
        pulse: of the loops.
        health: read at each step.
        manager: is told.
    """

    def __init__(self, pulse: Pulse, health: Callable[[], Health], manager: Manager) -> None:
        self._pulse = pulse
        self._health = health
        self._manager = manager
        self._said = ""
        self._stalled: list[str] = []

    def step(self, now: Moment) -> None:
        stalled = self._pulse.stalled(now)
        if not stalled:
            self._manager.alive()
        elif stalled != self._stalled:
            log.error("loops stalled", loops=stalled)
        self._stalled = stalled
        self._say(in_words(self._health(), stalled))

    def _say(self, words: str) -> None:
        if words != self._said:
            self._manager.status(words)
            self._said = words
