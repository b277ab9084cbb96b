"""Incidents as rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from hub.domain.incident import LIVE, Incident, Kind, Outcome, Phase
from hub.domain.matching import Match, Verdict
from hub.store import deadlines
from hub.store.deadlines import DeadlineKind
from hub.store.lookup import Lookup
from hub.store.tables import incidents
from protocols.ids import Address, GatewayId, IncidentId, OrganisationId, PlaceId, SessionId, WorkerId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx


BY_ID: Final = Lookup(incidents, "organisation", "id", locks=True)
LIVE_OF: Final = Lookup(incidents, "organisation", "live_subject", locks=True)
_OF_BUTTONS: Final = frozenset({Kind.PANIC, Kind.DISCREET_PANIC, Kind.TAMPER})


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """An incident with what surrounds it.

    Attributes:
        subject: whom it is about; there is one live incident per subject.
        state: what :mod:`hub.domain.incident` decides on.
        opened_at: when the hub recorded it.
        observed_at: when it happened, as far as known.
        match: who, where, and how sure.
        address: the device's, if one is involved.
        gateway: that brought it, if one did.
    """

    organisation: OrganisationId
    id: IncidentId
    subject: str
    state: Incident
    opened_at: datetime
    observed_at: datetime
    match: Match
    address: Address | None
    gateway: GatewayId | None

    @property
    def is_wired(self) -> bool:
        """A button on the wall alone: no personal alarm is in it."""
        return self.address is None and self.gateway is not None and self.state.kind in _OF_BUTTONS


def _values(record: IncidentRecord) -> dict[str, Any]:
    state = record.state
    return {
        "organisation": record.organisation,
        "id": record.id,
        "subject": record.subject,
        "opened_at": record.opened_at,
        "live_subject": record.subject if state.phase in LIVE else None,
        "kind": state.kind,
        "phase": state.phase,
        "due": state.due,
        "rung": state.rung,
        "round": state.round,
        "duress": state.duress,
        "cancelled_by_wearer": state.cancelled_by_wearer,
        "holder": state.holder,
        "outcome": state.outcome,
        "observed_at": record.observed_at,
        "verdict": record.match.verdict,
        "reasons": json.dumps(record.match.reasons),
        "worker": record.match.worker,
        "session": record.match.session,
        "place": record.match.place,
        "address": record.address,
        "gateway": record.gateway,
    }


def add(tx: Tx, record: IncidentRecord) -> None:
    """A new incident, with its deadline."""
    save(tx, record)


def save(tx: Tx, record: IncidentRecord) -> None:
    """All of it, and its deadline."""
    tx.unit.put(incidents, _values(record))
    deadlines.set_(tx, record.organisation, DeadlineKind.INCIDENT, record.id, record.state.due)


def get(tx: Tx, organisation: OrganisationId, incident: str) -> IncidentRecord | None:
    """One incident, locked until the transaction ends."""
    rows = tx.unit.rows(BY_ID, organisation, incident)
    return _record(rows[0]) if rows else None


def live(tx: Tx, organisation: OrganisationId, subject: str) -> IncidentRecord | None:
    """The live incident about somebody, locked until the transaction ends."""
    rows = tx.unit.rows(LIVE_OF, organisation, subject)
    return _record(rows[0]) if rows else None


def listed(tx: Tx, organisation: OrganisationId, *, only_live: bool, limit: int = 200) -> list[IncidentRecord]:
    """Newest first."""
    statement = select(incidents).where(incidents.c.organisation == organisation)
    if only_live:
        statement = statement.where(incidents.c.live_subject.is_not(None))
    rows = tx.connection.execute(statement.order_by(incidents.c.opened_at.desc()).limit(limit))
    return [_record(row) for row in rows]


def _record(row: Row[Any]) -> IncidentRecord:
    state = Incident(
        kind=Kind(row.kind),
        phase=Phase(row.phase),
        due=row.due,
        rung=row.rung,
        round=row.round,
        duress=row.duress,
        cancelled_by_wearer=row.cancelled_by_wearer,
        holder=row.holder,
        outcome=None if row.outcome is None else Outcome(row.outcome),
    )
    return IncidentRecord(
        organisation=OrganisationId(row.organisation),
        id=IncidentId(row.id),
        subject=row.subject,
        state=state,
        opened_at=row.opened_at,
        observed_at=row.observed_at,
        match=Match(
            verdict=Verdict(row.verdict),
            worker=None if row.worker is None else WorkerId(row.worker),
            session=None if row.session is None else SessionId(row.session),
            place=None if row.place is None else PlaceId(row.place),
            reasons=tuple(json.loads(row.reasons)),
        ),
        address=None if row.address is None else Address(row.address),
        gateway=None if row.gateway is None else GatewayId(row.gateway),
    )
