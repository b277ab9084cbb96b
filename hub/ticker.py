"""Deadlines that are due, oldest first, some in each transaction.

A claimed deadline row is locked before what it is about; everybody else locks it last. So the ticker never waits for
another's lock while it holds one: what is busy is passed over until the next step, a quarter of a second later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub.cases import device_keys, hearing, incidents, notify, sessions, watch
from hub.cases.desk import Desk
from hub.store import deadlines, directory, faults, figures
from hub.store.deadlines import DeadlineKind
from hub.store.faults import FaultKind
from hub.store.store import BusyError, Rank, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.cases.desk import Routes
    from hub.metrics import HubMetrics
    from hub.store.deadlines import Deadline
    from hub.store.store import Store, Tx
    from protocols.ids import OrganisationId

log = structlog.get_logger()

BOUND: Final = 500
"""Deadlines handled in one step that do not depend on whether somebody is heard."""
SILENT: Final = 2_000
"""Those that do: who was heard after all is asked again after so many."""
HOLD: Final = timedelta(seconds=30)
"""After the hub was away: time for gateways to hand in what they kept, before anybody's silence is believed."""
AWAY_S: Final = 5.0
"""A pause between two steps, or in the middle of one, that counts as having been away."""
QUIET: Final = 2 * HOLD
"""One that begins so long after another ended is the first of its kind again."""
OVERLONG: Final = 3 * HOLD
"""After so long, holding and starting to hold anew, somebody who is silent must be noticed all the same."""
ANYWAY: Final = 10 * HOLD
"""And after so long even if nobody at all was heard."""
HELD: Final = "silences"
TOGETHER: Final = 50
"""Deadlines handled in one transaction: an alarm that comes meanwhile waits for it on SQLite."""
LOOKED_AT: Final = 20_000
"""Watches of one kind moved on in one step."""
LOOKED_AT_TOGETHER: Final = 500
"""The same in one transaction: each takes a tenth of a claimed one's time."""
_OVERLONG: Final = (
    "this hub or its database stands still again and again: silence is noticed late, and where digests came too late "
    "it may be somebody's who was heard"
)
_LOOKS: Final = (watch.look, hearing.look)
_DEAD_MAN: Final = frozenset({DeadlineKind.SILENCE, DeadlineKind.GATEWAY})
_OTHERS: Final = frozenset(DeadlineKind) - _DEAD_MAN
_HANDLERS: Final[Mapping[DeadlineKind, Callable[[Desk, OrganisationId, str], None]]] = {
    DeadlineKind.INCIDENT: incidents.deadline,
    DeadlineKind.SESSION_START: sessions.start_due,
    DeadlineKind.OVERRUN: sessions.overrun_due,
    DeadlineKind.SILENCE: sessions.silence_due,
    DeadlineKind.GATEWAY: hearing.gateway_due,
    DeadlineKind.KEYS: device_keys.step_due,
}


class Hold:
    """Whether somebody's silence may be believed: not while the hub, not the device, may be what was away.

    Args:
        monotonic: seconds of a clock that never steps; a pause shows that the hub was away.
        may_leap: the store's clock runs with that one; if it leaps ahead it was set, or the machine slept.
    """

    def __init__(self, monotonic: Callable[[], float], *, may_leap: bool) -> None:
        self._monotonic = monotonic
        self._may_leap = may_leap
        self._ended = self._awake = self._until = self._since = float("-inf")
        self._ahead: float | None = None

    def begin(self) -> None:
        """A step begins."""
        now = self._monotonic()
        if now - self._ended > AWAY_S:
            self._hold(now, away_s=now - self._ended)
        self._awake = now

    def end(self) -> None:
        """It has ended well."""
        self._ended = self._monotonic()

    def note(self, read: datetime) -> None:
        """The store's clock showed this just now."""
        now = self._monotonic()
        before, self._ahead = self._ahead, read.timestamp() - now
        if self._may_leap and before is not None and self._ahead - before > AWAY_S:
            self._hold(now, away_s=self._ahead - before)

    def _hold(self, now: float, *, away_s: float) -> None:
        hold_s = HOLD.total_seconds()
        if away_s > hold_s or now > self._until + QUIET.total_seconds():
            self._since = now
        self._until = now + hold_s

    def may_be_over(self) -> bool:
        """If so, :meth:`believes_nobody` is to be asked; otherwise it would say yes."""
        return self._monotonic() >= self._until or self.is_overlong

    @property
    def is_overlong(self) -> bool:
        """It has begun again and again: the hub, or its database, is slow all the time."""
        now = self._monotonic()
        return now - self._since > OVERLONG.total_seconds() and now < self._until + QUIET.total_seconds()

    def believes_nobody(self, tx: Tx) -> bool:
        """Asked when a transaction's time has been read: did the hub, or its database, stand still before that?

        One that is slow all the time believes in silence from :data:`OVERLONG` on, if digests are being recorded.
        """
        self.note(tx.now)
        now, hold_s = self._monotonic(), HOLD.total_seconds()
        pause, self._awake = now - self._awake, now
        if pause > hold_s / 2 or (pause > AWAY_S and now >= self._until + hold_s):
            self._hold(now, away_s=pause)
        if now >= self._until:
            return False
        return not (self.is_overlong and self._hears(tx, now))

    def _hears(self, tx: Tx, now: float) -> bool:
        newest = figures.newest_digest(tx)
        is_heard = newest is not None and newest > tx.now - HOLD
        return is_heard or now - self._since > ANYWAY.total_seconds()


class Ticker:
    """Claims what is due and lets the domain decide. Any number of them may run at once on PostgreSQL.

    Args:
        store: where deadlines are rows.
        routes: how people are reached.
        metrics: of the hub.
        monotonic: seconds of a clock that never steps; see :class:`Hold`.
        may_leap: see there.
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        metrics: HubMetrics,
        *,
        monotonic: Callable[[], float],
        may_leap: bool = False,
    ) -> None:
        self._hold = Hold(monotonic, may_leap=may_leap)
        self._store = store
        self._routes = routes
        self._metrics = metrics
        self._said_overlong = False
        self._left: set[tuple[str, str, str]] = set()  # failed or busy: not again in this step

    def step(self) -> int:
        """Handle what is due; how many there were.

        Raises:
            StoreUnavailableError: the database does not answer; nothing was missed, it stays due.
        """
        self._hold.begin()
        self._left.clear()
        handled = self._handle_all(_OTHERS, BOUND)
        if self._hold.may_be_over() and self._are_due(_DEAD_MAN):
            handled += sum(self._look(look) for look in _LOOKS) + self._handle_all(_DEAD_MAN, SILENT)
        if self._hold.is_overlong is not self._said_overlong:
            self._say_overlong(self._hold.is_overlong)
        self._hold.end()
        return handled

    def troubles(self) -> list[str]:
        """In words, for ``/health``."""
        return [_OVERLONG] if self._hold.is_overlong else []

    def _say_overlong(self, is_so: bool) -> None:  # noqa: FBT001 - a switch
        def say(tx: Tx) -> None:
            for organisation in directory.all_organisations(tx):
                if is_so:
                    notify.fault(Desk(tx, self._routes), organisation.id, FaultKind.HUB_ERROR, HELD, _OVERLONG)
                else:
                    faults.clear(tx, organisation.id, FaultKind.HUB_ERROR, HELD)

        self._store.write(say)
        self._said_overlong = is_so

    def _are_due(self, kinds: frozenset[DeadlineKind]) -> bool:
        """Most often nothing is, and whoever writes meanwhile is not to wait for that answer."""

        def ask(tx: Tx) -> bool:
            self._hold.note(tx.now)
            return deadlines.are_due(tx, kinds=kinds)

        return self._store.read(ask)

    def _look(self, look: Callable[[Desk, int], int]) -> int:
        """Move on every watch whose device or gateway was heard; how many. The rest is silent, and claimed."""
        moved = 0

        def work(tx: Tx) -> int:
            return 0 if self._hold.believes_nobody(tx) else look(Desk(tx, self._routes), LOOKED_AT_TOGETHER)

        while moved < LOOKED_AT:
            now = self._store.write(work, rank=Rank.DEADLINE, waits=False)
            moved += now
            if now < LOOKED_AT_TOGETHER:
                break
        return moved

    def _handle_all(self, kinds: frozenset[DeadlineKind], most: int) -> int:
        handled = 0
        if not self._are_due(kinds):
            return handled
        while handled < most and (claimed := self._handle(kinds, TOGETHER)):
            handled += claimed
        return handled

    def _handle(self, kinds: frozenset[DeadlineKind], limit: int) -> int:
        """Up to ``limit`` in one transaction; if that fails, each in its own. How many were claimed."""
        claimed: list[Deadline] = []
        late: list[float] = []

        def work(tx: Tx) -> None:
            if self._hold.believes_nobody(tx) and kinds is _DEAD_MAN:
                claimed.clear()
                return
            claimed[:] = deadlines.claim(tx, kinds=kinds, leave=self._left, limit=limit)
            desk = Desk(tx, self._routes)
            silent = [(one.organisation, one.subject) for one in claimed if one.kind is DeadlineKind.SILENCE]
            watch.silences_ahead(desk, silent)
            for deadline in claimed:
                _HANDLERS[deadline.kind](desk, deadline.organisation, deadline.subject)
            late[:] = [(tx.now - deadline.due_at).total_seconds() for deadline in claimed]

        try:
            self._store.write(work, rank=Rank.DEADLINE, waits=False)
        except StoreUnavailableError:
            raise
        except Exception as failure:
            if not claimed:
                raise
            if len(claimed) > 1:
                return sum(self._handle(kinds, 1) for _ in claimed)
            self._left.add(claimed[0].key)
            if not isinstance(failure, BusyError):
                self._report(claimed[0], failure)
            return 1
        for seconds in late:
            self._metrics.deadline_lateness.observe(seconds)
        return len(claimed)

    def _report(self, deadline: Deadline, failure: Exception) -> None:
        """One deadline that can't be handled must not hold up the others, nor be quiet."""
        self._metrics.loop_errors.labels("ticker").inc()
        log.error("deadline failed", kind=deadline.kind, subject=deadline.subject, exc_info=failure)
        detail = f"deadline {deadline.kind} of {deadline.subject}: {failure!r}"
        self._store.write(
            lambda tx: notify.fault(
                Desk(tx, self._routes), deadline.organisation, FaultKind.HUB_ERROR, deadline.subject, detail
            )
        )
