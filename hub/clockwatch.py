"""Is the clock by which everything is recorded and due to be trusted? It is held against one that never steps.

The database's clock may be set, by hand or by a time server; then a deadline an hour away would be two hours away. So a
step is a fault, and one backwards takes along whatever is due, which then comes up as it would have. A step forward
moves nothing: what comes up too early wakes somebody, what comes up too late does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub.cases import notify
from hub.cases.desk import Desk
from hub.store import directory, steps
from hub.store.faults import FaultKind
from hub.store.store import Rank

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.cases.desk import Routes
    from hub.store.store import Store, Tx

log = structlog.get_logger()

LIMIT_S: Final = 2.0
EVERY_S: Final = 1.0
SUBJECT: Final = "clock"


@dataclass(frozen=True, slots=True)
class _Offset:
    """By how much the database's clock, less all steps that were booked, is ahead of the monotonic one, in seconds.

    It was read somewhere between two looks at that: ``low`` and ``high`` are what it may be.
    """

    low: float
    high: float

    def stepped(self, later: _Offset) -> float:
        """By how much it has changed since; 0 when that is less than can be told for sure."""
        if later.low - self.high > LIMIT_S or self.low - later.high > LIMIT_S:
            return (later.low + later.high - self.low - self.high) / 2
        return 0.0


class ClockWatch:
    """One replica's. Any number of them may run at once: each step is booked once.

    Args:
        store: whose clock it is.
        routes: ways to reach administrators.
        monotonic: seconds of a clock that never steps.
    """

    def __init__(self, store: Store, routes: Routes, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._routes = routes
        self._monotonic = monotonic
        self._offset: _Offset | None = None
        self._looked_at = float("-inf")

    def step(self) -> bool:
        """Look, at most every :data:`EVERY_S`; True if a step was found and booked here.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        began = self._monotonic()
        if began - self._looked_at < EVERY_S:
            return False
        offset = self._store.read(lambda tx: self._read(tx, began, steps.total(tx)))
        looked_at, self._looked_at = self._looked_at, began
        if self._offset is None or not self._offset.stepped(offset):
            self._offset = offset
            return False
        return self._store.write(lambda tx: self._book(tx, began, looked_at), rank=Rank.ALARM)

    def _read(self, tx: Tx, began: float, booked: float) -> _Offset:
        lived = tx.now.timestamp() - booked
        return _Offset(lived - self._monotonic(), lived - began)

    def _book(self, tx: Tx, began: float, looked_at: float) -> bool:
        """Another replica may have been faster: then there is no step any more."""
        booked = steps.claim(tx)
        assert self._offset is not None  # noqa: S101 - there was a step since
        seconds = self._offset.stepped(self._read(tx, began, booked))
        if not seconds:
            return False
        steps.put(tx, booked + seconds)
        if seconds < 0:
            unseen = timedelta(seconds=self._monotonic() - looked_at)
            steps.move_back(tx, timedelta(seconds=-seconds), since=tx.now - unseen)
        self._tell(Desk(tx, self._routes), seconds)
        return True

    def _tell(self, desk: Desk, seconds: float) -> None:
        way = "back" if seconds < 0 else "forward"
        log.error("the clock stepped", seconds=round(seconds, 1))
        detail = (
            f"the clock of the database stepped {way} by {abs(seconds):.0f} s. Times shown from around then are off by "
            "that; what was due then comes up in time or early. See to it that the machine follows a time server"
        )
        for organisation in directory.all_organisations(desk.tx):
            notify.fault(desk, organisation.id, FaultKind.CLOCK_STEP, SUBJECT, detail)
