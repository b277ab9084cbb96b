"""What every case needs: the transaction, and which ways there are to reach people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.store.store import Tx
    from protocols.ids import OrganisationId


@dataclass(frozen=True, slots=True)
class Routes:
    """Which channels are configured.

    Attributes:
        email: accounts with an e-mail address can be reached.
        webhooks: names of the webhooks of each organisation.
    """

    email: bool = False
    webhooks: Mapping[OrganisationId, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desk:
    """One transaction's worth of work."""

    tx: Tx
    routes: Routes

    @property
    def now(self) -> datetime:
        return self.tx.now
