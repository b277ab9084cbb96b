"""Gateways that send more than the hub takes: administrators are told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hub.cases import notify
from hub.cases.desk import Desk
from hub.store import directory
from hub.store.faults import FaultKind
from hub.store.store import Rank
from protocols.mqtt import topics
from protocols.mqtt.topics import TopicError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.cases.desk import Routes
    from hub.ingest.inbox import Inbox
    from hub.metrics import HubMetrics
    from hub.store.store import Store, Tx


class FloodWatch:
    """Looks after some inboxes.

    Args:
        store: where faults are opened.
        routes: ways to reach administrators.
        metrics: where dropped messages are counted.
        inboxes: by what comes into them.
    """

    def __init__(self, store: Store, routes: Routes, metrics: HubMetrics, inboxes: Mapping[str, Inbox]) -> None:
        self._store = store
        self._routes = routes
        self._metrics = metrics
        self._inboxes = inboxes

    def step(self) -> int:
        """Tell of what was dropped since the last step; of how many gateways.

        Raises:
            StoreUnavailableError: it is counted; nobody was told.
        """
        told = 0
        for name, inbox in self._inboxes.items():
            for topic, count in inbox.dropped().items():
                self._metrics.refused.labels(name, "flood").inc(count)
                told += self._store.write(partial(self._tell, topic, count), rank=Rank.ROUTINE)
        return told

    def _tell(self, topic: str, count: int, tx: Tx) -> bool:
        try:
            sender = topics.parse(topic)
        except TopicError:
            return False
        if directory.get_organisation(tx, sender.organisation) is None:
            return False
        detail = (
            f"gateway {sender.gateway} sends more than the hub takes ({count} messages dropped; it sends them again). "
            "If that goes on, somebody else may have its credential: revoke it"
        )
        notify.fault(Desk(tx, self._routes), sender.organisation, FaultKind.GATEWAY_FLOODS, sender.gateway, detail)
        return True
