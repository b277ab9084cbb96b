"""Faults of devices, gateways and channels: a queue of their own, which may be shelved for a time with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from hub.store.lookup import Lookup
from hub.store.tables import faults
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.lookup import Key
    from hub.store.store import Tx

OPEN: Final = Lookup(faults, "organisation", "open_key")


class FaultKind(StrEnum):
    """What is wrong."""

    DEVICE_SILENT = "device silent"
    DEVICE_BATTERY = "device battery low"
    DEVICE_FAULT = "device fault"
    DEVICE_REMOVED = "device not worn"
    GATEWAY_SILENT = "gateway silent"
    GATEWAY_BLIND = "gateway blind"
    GATEWAY_SHEDDING = "gateway disk full"
    CHANNEL_FAILING = "channel failing"
    NOBODY_TO_TELL = "nobody to tell"
    WEARER_NOT_TOLD = "wearer could not be told"
    HUB_ERROR = "hub error"
    PANEL_FAULT = "panel fault"
    ACCESS_REFUSED = "access refused"
    KEYS_NOT_FETCHED = "gateway has old keys"
    CREDENTIAL_OLD = "gateway keeps an old credential"
    RESTORED = "restored from a backup"
    GATEWAY_FLOODS = "gateway floods the hub"
    GATEWAY_REFUSED = "gateway refused something"
    CLOCK_STEP = "clock stepped"
    BACKUP_OVERDUE = "backup overdue"
    FRAMES_UNOPENED = "frames that no key opens"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``subject`` is the id of what it is about."""

    organisation: OrganisationId
    id: str
    kind: FaultKind
    subject: str
    detail: str
    raised_at: datetime
    shelved_until: datetime | None
    shelved_by: str | None
    shelved_why: str | None

    def is_shelved(self, now: datetime) -> bool:
        return self.shelved_until is not None and now < self.shelved_until


def raise_(tx: Tx, organisation: OrganisationId, kind: FaultKind, subject: str, detail: str) -> str | None:
    """Open a fault unless it is open already; its id if it is new."""
    if tx.unit.rows(OPEN, *key(organisation, kind, subject)):
        return None
    number = tx.new_id()
    values = {
        "organisation": organisation,
        "id": number,
        "kind": kind,
        "subject": subject,
        "open_key": f"{kind}/{subject}",
        "detail": detail[:2000],
        "raised_at": tx.now,
    }
    tx.unit.insert(faults, values)
    return number


def clear(tx: Tx, organisation: OrganisationId, kind: FaultKind, subject: str) -> bool:
    """It is well again; True if there was such a fault."""
    if not tx.unit.rows(OPEN, *key(organisation, kind, subject)):
        return False
    where = (faults.c.organisation == organisation, faults.c.open_key == f"{kind}/{subject}")
    statement = update(faults).where(*where).values(open_key=None, cleared_at=tx.now)
    return tx.connection.execute(statement).rowcount > 0


def key(organisation: OrganisationId, kind: FaultKind, subject: str) -> Key:
    """Under which :data:`OPEN` has it."""
    return organisation, f"{kind}/{subject}"


def shelve(tx: Tx, organisation: OrganisationId, fault: str, until: datetime, by: str, why: str) -> bool:
    """Out of sight until then; False when there is no such open fault."""
    where = (faults.c.organisation == organisation, faults.c.id == fault, faults.c.open_key.is_not(None))
    statement = update(faults).where(*where).values(shelved_until=until, shelved_by=by, shelved_why=why)
    return tx.connection.execute(statement).rowcount > 0


def get(tx: Tx, organisation: OrganisationId, fault: str) -> Fault | None:
    where = (faults.c.organisation == organisation, faults.c.id == fault)
    row = tx.connection.execute(select(faults).where(*where)).one_or_none()
    return None if row is None else _fault(row)


def listed(tx: Tx, organisation: OrganisationId) -> list[Fault]:
    """Open faults, newest first, shelved ones included."""
    where = (faults.c.organisation == organisation, faults.c.open_key.is_not(None))
    rows = tx.connection.execute(select(faults).where(*where).order_by(faults.c.raised_at.desc()))
    return [_fault(row) for row in rows]


def _fault(row: Row[Any]) -> Fault:
    return Fault(
        OrganisationId(row.organisation),
        row.id,
        FaultKind(row.kind),
        row.subject,
        row.detail,
        row.raised_at,
        row.shelved_until,
        row.shelved_by,
        row.shelved_why,
    )
