"""Figures of all organisations together, each from one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hub.domain.incident import Phase
from hub.store.tables import gateways, incidents

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.store import Tx


def oldest_open(tx: Tx) -> datetime | None:
    """When the oldest incident that nobody has taken was opened."""
    where = (incidents.c.live_subject.is_not(None), incidents.c.phase == Phase.OPEN)
    opened_at: datetime | None = tx.connection.execute(select(func.min(incidents.c.opened_at)).where(*where)).scalar()
    return opened_at


def blind_gateways(tx: Tx) -> int:
    """How many hear nothing although they should."""
    statement = select(func.count()).select_from(gateways).where(gateways.c.blind)
    return int(tx.connection.execute(statement).scalar_one())


def newest_digest(tx: Tx) -> datetime | None:
    """When the hub last recorded a sign of any gateway."""
    heard_at: datetime | None = tx.connection.execute(select(func.max(gateways.c.heard_at))).scalar()
    return heard_at
