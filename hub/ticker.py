"""Deadlines that are due, one transaction each, oldest first.

A claimed deadline row is locked before what it is about; everybody else locks it last. So the ticker never waits for
another's lock while it holds one: what is busy is passed over until the next step, a quarter of a second later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub.cases import device_keys, hearing, incidents, notify, sessions
from hub.cases.desk import Desk
from hub.store import deadlines
from hub.store.deadlines import DeadlineKind
from hub.store.faults import FaultKind
from hub.store.store import BusyError, Rank, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.cases.desk import Routes
    from hub.metrics import HubMetrics
    from hub.store.deadlines import Deadline
    from hub.store.store import Store, Tx
    from protocols.ids import OrganisationId

log = structlog.get_logger()

BOUND: Final = 500
"""Deadlines handled in one step."""
HOLD: Final = timedelta(seconds=30)
"""After the hub was away: time for gateways to hand in what they kept, before anybody's silence is believed."""
AWAY_S: Final = 5.0
"""A pause between two steps that counts as having been away."""
_DEAD_MAN: Final = frozenset({DeadlineKind.SILENCE, DeadlineKind.GATEWAY})
_HANDLERS: Final[Mapping[DeadlineKind, Callable[[Desk, OrganisationId, str], None]]] = {
    DeadlineKind.INCIDENT: incidents.deadline,
    DeadlineKind.SESSION_START: sessions.start_due,
    DeadlineKind.OVERRUN: sessions.overrun_due,
    DeadlineKind.SILENCE: sessions.silence_due,
    DeadlineKind.GATEWAY: hearing.gateway_due,
    DeadlineKind.KEYS: device_keys.step_due,
}


class Ticker:
    """Claims what is due and lets the domain decide. Any number of them may run at once on PostgreSQL.

    Args:
        store: where deadlines are rows.
        routes: how people are reached.
        metrics: of the hub.
        monotonic: seconds of a clock that never steps; a pause between two steps shows that the hub was away.
    """

    def __init__(self, store: Store, routes: Routes, metrics: HubMetrics, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._store = store
        self._routes = routes
        self._metrics = metrics
        self._ended = float("-inf")
        self._hold_until = float("-inf")
        self._left: set[tuple[str, str, str]] = set()  # failed or busy: not again in this step

    def step(self) -> int:
        """Handle what is due; how many there were.

        Raises:
            StoreUnavailableError: the database does not answer; nothing was missed, it stays due.
        """
        began = self._monotonic()
        if began - self._ended > AWAY_S:
            self._hold_until = began + HOLD.total_seconds()
        self._left.clear()
        kinds = frozenset(DeadlineKind) - (_DEAD_MAN if began < self._hold_until else frozenset())
        handled = 0
        while handled < BOUND and self._handle_one(kinds):
            handled += 1
        self._ended = self._monotonic()
        return handled

    def _handle_one(self, kinds: frozenset[DeadlineKind]) -> bool:
        claimed: list[Deadline] = []

        def work(tx: Tx) -> bool:
            claimed.clear()
            deadline = deadlines.claim(tx, kinds=kinds, leave=self._left)
            if deadline is None:
                return False
            claimed.append(deadline)
            _HANDLERS[deadline.kind](Desk(tx, self._routes), deadline.organisation, deadline.subject)
            self._metrics.deadline_lateness.observe((tx.now - deadline.due_at).total_seconds())
            return True

        try:
            return self._store.write(work, rank=Rank.DEADLINE, waits=False)
        except StoreUnavailableError:
            raise
        except BusyError:
            self._left.update(deadline.key for deadline in claimed)
            return True
        except Exception as failure:
            if not claimed:
                raise
            self._report(claimed[0], failure)
            return True

    def _report(self, deadline: Deadline, failure: Exception) -> None:
        """One deadline that can't be handled must not hold up the others, nor be quiet."""
        self._left.add(deadline.key)
        self._metrics.loop_errors.labels("ticker").inc()
        log.error("deadline failed", kind=deadline.kind, subject=deadline.subject, exc_info=failure)
        detail = f"deadline {deadline.kind} of {deadline.subject}: {failure!r}"
        self._store.write(
            lambda tx: notify.fault(
                Desk(tx, self._routes), deadline.organisation, FaultKind.HUB_ERROR, deadline.subject, detail
            )
        )
