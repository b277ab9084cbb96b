"""One program of a deployment: a process that can be stopped, killed, frozen, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tocsin.settings import bare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READY_S: Final = 90.0
"""A machine with much else to do starts a program in a minute."""
_STOP_S: Final = 8.0


class NotReadyError(Exception):
    """A part that did not come up.

    Attributes:
        part: which.
        said: the end of its log.
    """

    def __init__(self, part: str, said: str) -> None:
        super().__init__(f"{part} did not come up:\n{said}")
        self.part = part
        self.said = said


class PartState(StrEnum):
    """How a part is."""

    STARTING = "starting"
    RUNNING = "running"
    FROZEN = "frozen"
    STOPPED = "stopped"
    KILLED = "killed"
    ENDED = "ended"  # by itself


class Part:
    """One process, started again as often as it is asked to; it gets no settings from our environment.

    Args:
        name: of its log file.
        folder: where that is.
        arguments: of the command ``tocsin``.
        is_up: whether it does its work.
    """

    def __init__(self, name: str, folder: Path, arguments: list[str], is_up: Callable[[], bool]) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / f"{name}.log"
        self._command = [sys.executable, "-m", "tocsin", *arguments]
        self._is_up = is_up
        self._alive = PartState.STARTING
        self._ended = PartState.STOPPED
        self._lock = threading.Lock()

    @property
    def state(self) -> PartState:
        if self.process is None:
            return PartState.STOPPED
        return self._alive if self.process.poll() is None else self._ended

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Does nothing while it runs."""
        with self._lock:
            if self.is_alive:
                return
            with self._log.open("ab") as out:
                self.process = subprocess.Popen(  # noqa: S603 - our own command
                    self._command,
                    stdout=out,
                    stderr=out,
                    stdin=subprocess.DEVNULL,
                    env=bare(os.environ),
                    start_new_session=True,
                )
            self._alive, self._ended = PartState.STARTING, PartState.ENDED

    def wait(self) -> None:
        """Until it is up.

        Raises:
            NotReadyError: it ended, or took too long.
        """
        give_up = time.monotonic() + READY_S
        while not self._is_up():
            if not self.is_alive or time.monotonic() > give_up:
                raise NotReadyError(self.name, self.said())
            time.sleep(0.05)
        self._alive = PartState.RUNNING

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")[-2000:] if self._log.exists() else ""

    def freeze(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        self._send(signal.SIGSTOP, PartState.FROZEN)

    def thaw(self) -> None:
        self._send(signal.SIGCONT, PartState.RUNNING)

    def _send(self, number: int, then: PartState) -> None:
        with self._lock:
            if self.process is not None and self.is_alive:
                self.process.send_signal(number)
                self._alive = then

    def kill(self) -> None:
        """SIGKILL."""
        with self._lock:
            if self.process is not None:
                self._ended = PartState.KILLED if self.is_alive else self._ended
                self.process.kill()
                self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that does not help."""
        self.thaw()
        with self._lock:
            if self.process is None:
                return
            self._ended = PartState.STOPPED
            self.process.terminate()
            try:
                self.process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
