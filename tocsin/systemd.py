"""What a service tells systemd: that it is ready, how it is, that it is alive (sd_notify(3), sd_watchdog_enabled(3)).

A datagram to a socket whose name is in the environment; without it, nothing is said. Nobody is waited for: a manager
that does not read must not stop an alarm.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger()


class Notifier:
    """Speaks to the service manager.

    Args:
        environment: ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` of it are looked at.

    Attributes:
        watchdog_s: how often :meth:`alive` must be said at the least; None = nobody waits for it.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self.watchdog_s = _watchdog_s(environment)

    def ready(self) -> None:
        self._say("READY=1")

    def status(self, words: str) -> None:
        """One line, for ``systemctl status``."""
        self._say(f"STATUS={' '.join(words.split())}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def _say(self, assignment: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as datagram:
                datagram.sendto(assignment.encode(), self._address)
        except OSError as deaf:  # systemd itself decides what its silence means
            log.warning("systemd can't be told", what=assignment, error=str(deaf))


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None
