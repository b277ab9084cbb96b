"""Events of devices as they were recorded, and messages that could not be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from hub.store.tables import events, unreadable
from hub.store.upsert import insert_new
from protocols.events import ALARM_STAGES, Cause, Stage
from protocols.ids import Address, EventIdentity, GatewayId, OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx
    from protocols.events import DeviceReport


@dataclass(frozen=True, slots=True)
class Heard:
    """A device's report with how it came in.

    Attributes:
        observed_at: when it happened, by the device's word.
        time_quality: how far that can be trusted (``TimeQuality``).
        received_at: when the gateway heard it.
        rssi: dBm.
        frame: as it was on the air.
        replayed: the gateway had a receipt for it, from before the hub was restored.
    """

    organisation: OrganisationId
    gateway: GatewayId
    report: DeviceReport
    observed_at: datetime
    time_quality: str
    received_at: datetime
    rssi: int
    frame: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One row, for people to look at."""

    identity: EventIdentity
    stage: Stage
    cause: Cause
    battery: int
    observed_at: datetime
    time_quality: str
    received_at: datetime
    recorded_at: datetime
    gateway: GatewayId
    rssi: int


def add(tx: Tx, heard: Heard) -> bool:
    """Record an event once; False when this stage of it is recorded already."""
    report = heard.report
    values = {
        "organisation": heard.organisation,
        "address": report.identity.address,
        "epoch": report.identity.epoch,
        "sequence": report.identity.sequence,
        "stage": int(report.stage),
        "cause": int(report.cause),
        "counter": report.counter,
        "battery": report.battery,
        "observed_at": heard.observed_at,
        "time_quality": heard.time_quality,
        "received_at": heard.received_at,
        "recorded_at": tx.now,
        "gateway": heard.gateway,
        "rssi": heard.rssi,
        "frame": heard.frame,
    }
    return insert_new(tx, events, values)


def attach(tx: Tx, organisation: OrganisationId, identity: EventIdentity, stage: Stage, incident: str) -> None:
    """An event belongs to an incident."""
    statement = update(events).where(*_is(organisation, identity), events.c.stage == int(stage))
    tx.connection.execute(statement.values(incident=incident))


def incident_of(tx: Tx, organisation: OrganisationId, identity: EventIdentity) -> str | None:
    """The incident that any stage of this event belongs to."""
    statement = select(events.c.incident).where(*_is(organisation, identity), events.c.incident.is_not(None)).limit(1)
    incident: str | None = tx.connection.execute(statement).scalar_one_or_none()
    return incident


def stages(tx: Tx, organisation: OrganisationId, identity: EventIdentity) -> set[Stage]:
    """Every stage of this event that is recorded."""
    rows = tx.connection.execute(select(events.c.stage).where(*_is(organisation, identity)))
    return {Stage(row.stage) for row in rows}


def of_incident(tx: Tx, organisation: OrganisationId, incident: str) -> list[RecordedEvent]:
    """What belongs to an incident, in the order it was recorded."""
    where = (events.c.organisation == organisation, events.c.incident == incident)
    rows = tx.connection.execute(select(events).where(*where).order_by(events.c.recorded_at, events.c.stage))
    return [_recorded(row) for row in rows]


def _is(organisation: OrganisationId, identity: EventIdentity) -> tuple[Any, ...]:
    return (
        events.c.organisation == organisation,
        events.c.address == identity.address,
        events.c.epoch == identity.epoch,
        events.c.sequence == identity.sequence,
    )


def _recorded(row: Row[Any]) -> RecordedEvent:
    return RecordedEvent(
        EventIdentity(Address(row.address), row.epoch, row.sequence),
        Stage(row.stage),
        Cause(row.cause),
        row.battery,
        row.observed_at,
        row.time_quality,
        row.received_at,
        row.recorded_at,
        GatewayId(row.gateway),
        row.rssi,
    )


def uncancelled(tx: Tx, organisation: OrganisationId, incident: str) -> list[EventIdentity]:
    """The alarms and pre-alarms of an incident that the wearer did not cancel, in their order."""
    stages: dict[EventIdentity, set[Stage]] = {}
    for event in of_incident(tx, organisation, incident):
        stages.setdefault(event.identity, set()).add(event.stage)
    over = {Stage.CANCELLED, Stage.DURESS}
    return sorted(identity for identity, seen in stages.items() if seen & ALARM_STAGES and not seen & over)


def add_unreadable(
    tx: Tx, organisation: OrganisationId, gateway: GatewayId, payload: bytes, problems: list[str]
) -> str | None:
    """Keep a message as it came; its id, or None when the very same message is kept already."""
    number = tx.new_id()
    values = {
        "organisation": organisation,
        "id": number,
        "gateway": gateway,
        "digest": hashlib.sha256(payload).hexdigest(),
        "payload": payload,
        "problems": "; ".join(problems)[:2000],
        "recorded_at": tx.now,
    }
    return number if insert_new(tx, unreadable, values) else None


def attach_unreadable(tx: Tx, organisation: OrganisationId, number: str, incident: str) -> None:
    where = (unreadable.c.organisation == organisation, unreadable.c.id == number)
    tx.connection.execute(update(unreadable).where(*where).values(incident=incident))
