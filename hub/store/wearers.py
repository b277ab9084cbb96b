"""Who wore what, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.domain.assigning import Period
from hub.store.tables import assignments
from protocols.ids import Address, OrganisationId, WorkerId

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.store import Tx


def given_since(tx: Tx, organisation: OrganisationId, worker: str, since: datetime) -> list[tuple[Address, datetime]]:
    """The devices that a worker was given from then on, and when."""
    mine = assignments.c.organisation == organisation, assignments.c.worker == worker, assignments.c.since >= since
    rows = tx.connection.execute(select(assignments).where(*mine))
    return [(Address(row.address), row.since) for row in rows]


def last(tx: Tx, organisation: OrganisationId) -> dict[Address, WorkerId]:
    """Who wears each device, or wore it last."""
    begun = assignments.c.organisation == organisation, assignments.c.since <= tx.now
    rows = tx.connection.execute(select(assignments).where(*begun).order_by(assignments.c.since))
    return {Address(row.address): WorkerId(row.worker) for row in rows}


def worn_during(tx: Tx, organisation: OrganisationId, worker: str, period: Period) -> list[Address]:
    """What a worker wears at any time of a period that has not passed."""
    mine = assignments.c.organisation == organisation, assignments.c.worker == worker
    rows = tx.connection.execute(select(assignments).where(*mine))
    return sorted({Address(row.address) for row in rows if Period(row.since, row.until).overlaps(period)})
