"""Is the clock by which everything is recorded and due to be trusted? It is held against one that never steps.

The database's clock may be set, by hand or by a time server; then a deadline an hour away would be two hours away. So a
step is a fault, and one backwards takes along whatever is due, which then comes up as it would have. A step forward
moves nothing: what comes up too early wakes somebody, what comes up too late does not. What the clock showed is
remembered in the database: one that is behind that when a hub starts was set back while none ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub.cases import notify
from hub.cases.desk import Desk
from hub.store import directory, stepped, steps
from hub.store.faults import FaultKind
from hub.store.store import Rank

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.cases.desk import Routes
    from hub.store.store import Store, Tx

log = structlog.get_logger()

LIMIT_S: Final = 2.0
EVERY_S: Final = 1.0
REMEMBERED_EVERY_S: Final = 5.0
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


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look has found.

    Attributes:
        offset: between the clocks.
        known: incidents, and when each was due.
        behind_s: by how much the clock is behind what was remembered.
        is_remembered: what was remembered is fresh enough.
    """

    offset: _Offset
    known: steps.Known
    behind_s: float
    is_remembered: bool


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
        self._last: _Look | None = None
        self._looked_at = float("-inf")

    def step(self) -> bool:
        """Look, at most every :data:`EVERY_S`; True if a step was found and booked here.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        began = self._monotonic()
        if began - self._looked_at < EVERY_S:
            return False
        look = self._store.read(lambda tx: self._look(tx, began, steps.total(tx)))
        self._looked_at = began
        if self._last is None:
            return self._begin(look)
        if self._last.offset.stepped(look.offset):
            return self._write(lambda tx: self._book(tx, began))
        self._last = look
        if not look.is_remembered:
            self._store.write(steps.see, rank=Rank.ROUTINE)
        return False

    def _begin(self, look: _Look) -> bool:
        """The first look: nothing but what was remembered can be held against it."""
        if look.behind_s > LIMIT_S:
            return self._write(self._book_behind)
        self._last = look
        return False

    def _write(self, book: Callable[[Tx], tuple[_Look, bool]]) -> bool:
        self._last, is_booked = self._store.write(book, rank=Rank.ALARM)
        return is_booked

    def _look(self, tx: Tx, began: float, booked: float) -> _Look:
        """All that is held against the next one; ``booked``: what all steps come to."""
        lived = tx.now.timestamp() - booked
        offset = _Offset(lived - self._monotonic(), lived - began)
        seen = steps.seen(tx)
        behind_s = 0.0 if seen is None else (seen - tx.now).total_seconds()
        is_remembered = seen is not None and behind_s > -REMEMBERED_EVERY_S
        return _Look(offset, steps.known(tx), behind_s, is_remembered)

    def _book(self, tx: Tx, began: float) -> tuple[_Look, bool]:
        """Another replica may have been faster: then there is no step any more."""
        booked = steps.claim(tx)
        assert self._last is not None  # noqa: S101 - there was a step since
        seconds = self._last.offset.stepped(self._look(tx, began, booked).offset)
        if seconds:
            self._put(tx, seconds, booked, self._last.known)
        return self._look(tx, began, booked + seconds), bool(seconds)

    def _book_behind(self, tx: Tx) -> tuple[_Look, bool]:
        """So much at least; how long no hub ran is not known."""
        began, booked = self._monotonic(), steps.claim(tx)
        behind_s = self._look(tx, began, booked).behind_s
        seconds = -behind_s if behind_s > LIMIT_S else 0.0
        if seconds:
            self._put(tx, seconds, booked, None)
        return self._look(tx, began, booked + seconds), bool(seconds)

    def _put(self, tx: Tx, seconds: float, booked: float, known: steps.Known | None) -> None:
        steps.put(tx, seconds, booked)
        if seconds < 0:
            stepped.move(tx, steps.undo(tx, timedelta(seconds=-seconds), known))
        self._tell(Desk(tx, self._routes), seconds)

    def _tell(self, desk: Desk, seconds: float) -> None:
        way = "back" if seconds < 0 else "forward"
        log.error("the clock stepped", seconds=round(seconds, 1))
        detail = (
            f"the clock of the database stepped {way} by {abs(seconds):.0f} s. Times shown from around then are off by "
            "that; what was due then comes up in time or early. See to it that the machine follows a time server"
        )
        for organisation in directory.all_organisations(desk.tx):
            notify.fault(desk, organisation.id, FaultKind.CLOCK_STEP, SUBJECT, detail)
