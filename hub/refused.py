"""Refusals are counted one by one, and told of now and then: whoever knocks often does not fill the database."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from hub.cases import access
from hub.cases.desk import Desk
from hub.store.store import Rank

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.cases.access import Refusal
    from hub.cases.desk import Routes
    from hub.metrics import HubMetrics
    from hub.store.store import Store, Tx

log = structlog.get_logger()

AGAIN_S: Final = 600.0
"""The same about the same gateway or address is written down once in this time."""
MOST_STRANGERS: Final = 50
"""Things written down in that time at most that are about no gateway of ours."""


_Key: TypeAlias = tuple[str, str, str]
"""Kind, organisation, and gateway or address."""


class Refusals:
    """Takes note of every refusal of this hub, at its own doors and at the broker.

    Args:
        store: where faults are opened.
        routes: ways to reach administrators.
        metrics: where they are counted.
        wake: called when there is something to tell.
        monotonic: seconds that only rise.
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        metrics: HubMetrics,
        wake: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._routes = routes
        self._metrics = metrics
        self._wake = wake
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._told: OrderedDict[_Key, float] = OrderedDict()

    def note(self, refusal: Refusal) -> None:
        """Count it and tell of it.

        Raises:
            StoreUnavailableError: the database does not answer; it is counted, and told of next time.
        """
        self.count(refusal)
        self.tell(refusal)

    def count(self, refusal: Refusal) -> None:
        self._metrics.access_refused.labels(refusal.kind).inc()

    def tell(self, refusal: Refusal) -> None:
        """Open a fault, unless that was done for the same a short time ago.

        Raises:
            StoreUnavailableError: the database does not answer; it is told of next time.
        """
        key = self._key(refusal)
        if not self._is_due(key):
            return
        log.warning("refused", kind=refusal.kind, source=refusal.source, detail=refusal.detail)
        try:
            self._store.write(partial(self._tell, refusal), rank=Rank.ROUTINE)
        except BaseException:
            self._forget(key)
            raise
        self._wake()

    def _key(self, refusal: Refusal) -> _Key:
        """Whoever invents names for gateways is one stranger."""
        organisation, gateway = refusal.organisation, refusal.gateway
        if organisation is None or gateway is None:
            return refusal.kind, "", refusal.source
        named = (refusal.kind, organisation, gateway)
        with self._lock:
            is_told = named in self._told
        known = is_told or self._store.read(lambda tx: access.is_known(tx, organisation, gateway))
        return named if known else (refusal.kind, "", refusal.source)

    def _tell(self, refusal: Refusal, tx: Tx) -> None:
        access.tell(Desk(tx, self._routes), refusal)

    def _is_due(self, key: _Key) -> bool:
        now = self._monotonic()
        with self._lock:
            while self._told and now - next(iter(self._told.values())) >= AGAIN_S:
                self._told.popitem(last=False)
            strangers = sum(not organisation for _, organisation, _ in self._told)
            if key in self._told or (not key[1] and strangers >= MOST_STRANGERS):
                return False
            self._told[key] = now
        return True

    def _forget(self, key: _Key) -> None:
        with self._lock:
            self._told.pop(key, None)
