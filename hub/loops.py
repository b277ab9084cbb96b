"""Threads that call a step again and again, survive whatever it raises, and can be asked how they are."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from hub.store.store import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.metrics import HubMetrics

log = structlog.get_logger()

PAUSE_S: Final = 1.0
"""After a failure."""
STALLED_S: Final = 30.0
"""A loop that has not finished a step for this long is stalled, and /health says so."""


class Loop:
    """One thread around one step.

    Args:
        name: for logs, metrics and health.
        step: does a bounded piece of work; returns how long to wait before the next, in seconds.
        metrics: where failures are counted.

    Attributes:
        lacks_database: its last step could not write or read.
    """

    def __init__(self, name: str, step: Callable[[], float], metrics: HubMetrics) -> None:
        self.name = name
        self._step = step
        self._metrics = metrics
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._finished_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.lacks_database = False

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Do not wait any longer."""
        self._wanted.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wanted.set()
        self._thread.join(timeout=10)

    @property
    def finished_ago_s(self) -> float:
        """How long ago a step was last finished."""
        return time.monotonic() - self._finished_at

    @property
    def is_stalled(self) -> bool:
        return self.finished_ago_s > STALLED_S

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.clear()
            wait_s = self._once()
            if wait_s > 0:
                self._wanted.wait(wait_s)

    def _once(self) -> float:
        try:
            wait_s = self._step()
        except StoreUnavailableError as unavailable:
            log.warning("waiting for the database", loop=self.name, error=str(unavailable))
            self.lacks_database = True
            wait_s = PAUSE_S
        except Exception:
            log.exception("step failed", loop=self.name)
            wait_s = PAUSE_S
        else:
            self._finished_at = time.monotonic()
            self.lacks_database = False
            return wait_s
        self._metrics.loop_errors.labels(self.name).inc()
        return wait_s
