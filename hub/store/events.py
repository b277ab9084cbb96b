"""Events of devices as they were recorded, and messages that could not be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from hub.domain.repeats import Known
from hub.store.lookup import Lookup
from hub.store.tables import events, unreadable
from hub.store.upsert import insert_new
from protocols.events import ALARM_STAGES, Cause, Stage
from protocols.ids import Address, EventIdentity, GatewayId, OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.domain.keys import Voice
    from hub.store.lookup import Key
    from hub.store.store import Tx
    from protocols.events import DeviceReport

KEPT: Final = 4096
"""Bytes that are kept of a message that can't be read; of a longer one, its length and the SHA-256 of all, too."""
EVENTS: Final = Lookup(events, "organisation", "address", "enrolment", "epoch", "sequence")


@dataclass(frozen=True, slots=True)
class Heard:
    """A device's report with how it came in.

    Attributes:
        observed_at: when it happened, by the device's word.
        time_quality: how far that can be trusted (``TimeQuality``).
        received_at: when the gateway heard it.
        rssi: dBm.
        frame: as it was on the air.
        voice: the key that opened it, and what it is worth.
        doubt: why it is not believed, in words; None = it is.
        life: 0; higher when the same identity turned out to be another event (:mod:`hub.domain.repeats`).
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
    voice: Voice
    doubt: str | None = None
    life: int = 0
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
    enrolment: int
    generation: int
    life: int
    doubt: str | None


@dataclass(frozen=True, slots=True)
class Spoken:
    """An event to speak to its device about, and the key under which it was heard."""

    identity: EventIdentity
    enrolment: int
    generation: int


def add(tx: Tx, heard: Heard) -> bool:
    """Record an event once; False when this stage of this life of it is recorded already."""
    if heard.report.stage in stages(tx, heard):
        return False
    tx.unit.insert(events, _values(tx, heard))
    return True


def _values(tx: Tx, heard: Heard) -> dict[str, Any]:
    report = heard.report
    return {
        "organisation": heard.organisation,
        "address": report.identity.address,
        "epoch": report.identity.epoch,
        "sequence": report.identity.sequence,
        "stage": int(report.stage),
        "enrolment": heard.voice.enrolment,
        "generation": heard.voice.generation,
        "life": heard.life,
        "doubt": heard.doubt,
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
        "incident": None,
    }


def attach(tx: Tx, heard: Heard, incident: str) -> None:
    """An event belongs to an incident."""
    for row in _rows(tx, heard):
        if row.stage == heard.report.stage:
            tx.unit.put(events, EVENTS.values(row) | {"incident": incident})


def incident_of(tx: Tx, heard: Heard) -> str | None:
    """The incident that any stage of this event belongs to."""
    return next((row.incident for row in _rows(tx, heard) if row.incident is not None), None)


def stages(tx: Tx, heard: Heard) -> set[Stage]:
    """Every stage of this event that is recorded."""
    return {Stage(row.stage) for row in _rows(tx, heard)}


def known(tx: Tx, organisation: OrganisationId, identity: EventIdentity, enrolment: int) -> list[Known]:
    """What is recorded under this identity: every stage of every life, the latest life first."""
    rows = tx.unit.rows(EVENTS, *key(organisation, identity, enrolment))
    return [
        Known(Stage(row.stage), row.life, row.counter, row.frame, row.observed_at, believed=row.doubt is None)
        for row in sorted(rows, key=attrgetter("life"), reverse=True)
    ]


def of_incident(tx: Tx, organisation: OrganisationId, incident: str) -> list[RecordedEvent]:
    """What belongs to an incident, in the order it was recorded."""
    where = (events.c.organisation == organisation, events.c.incident == incident)
    rows = tx.connection.execute(select(events).where(*where).order_by(events.c.recorded_at, events.c.stage))
    return [_recorded(row) for row in rows]


def key(organisation: OrganisationId, identity: EventIdentity, enrolment: int) -> Key:
    """Under which :data:`EVENTS` has what is recorded of an event."""
    return organisation, identity.address, enrolment, identity.epoch, identity.sequence


def _rows(tx: Tx, heard: Heard) -> list[Any]:
    """Every stage of this life of the event that is recorded."""
    rows = tx.unit.rows(EVENTS, *key(heard.organisation, heard.report.identity, heard.voice.enrolment))
    return [row for row in rows if row.life == heard.life]


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
        row.enrolment,
        row.generation,
        row.life,
        row.doubt,
    )


def uncancelled(tx: Tx, organisation: OrganisationId, incident: str) -> list[Spoken]:
    """The alarms and pre-alarms of an incident that the wearer did not cancel, in their order."""
    said: dict[tuple[int, EventIdentity, int], list[RecordedEvent]] = {}
    for event in of_incident(tx, organisation, incident):
        said.setdefault((event.enrolment, event.identity, event.life), []).append(event)
    over = {Stage.CANCELLED, Stage.DURESS}
    found: dict[tuple[int, EventIdentity], Spoken] = {}
    for (enrolment, identity, _), rows in sorted(said.items(), key=lambda each: each[0]):
        seen = {event.stage for event in rows}
        if seen & ALARM_STAGES and not seen & over:
            found[enrolment, identity] = Spoken(identity, enrolment, max(event.generation for event in rows))
        else:
            found.pop((enrolment, identity), None)
    return list(found.values())


def count_unreadable(tx: Tx, organisation: OrganisationId, gateway: GatewayId, since: datetime) -> int:
    """How many messages of a gateway were kept since then."""
    where = (unreadable.c.organisation == organisation, unreadable.c.gateway == gateway)
    statement = select(func.count()).select_from(unreadable).where(*where, unreadable.c.recorded_at > since)
    return int(tx.connection.execute(statement).scalar_one())


def add_unreadable(
    tx: Tx, organisation: OrganisationId, gateway: GatewayId, payload: bytes, problems: list[str]
) -> str | None:
    """Keep a message as it came, or the beginning of a long one; its id, or None when it is kept already."""
    number = tx.new_id()
    if len(payload) > KEPT:
        problems = [f"(message): {len(payload)} bytes, the first {KEPT} are kept", *problems]
    values = {
        "organisation": organisation,
        "id": number,
        "gateway": gateway,
        "digest": hashlib.sha256(payload).hexdigest(),
        "payload": payload[:KEPT],
        "problems": "; ".join(problems)[:2000],
        "recorded_at": tx.now,
    }
    return number if insert_new(tx, unreadable, values) else None


def attach_unreadable(tx: Tx, organisation: OrganisationId, number: str, incident: str) -> None:
    where = (unreadable.c.organisation == organisation, unreadable.c.id == number)
    tx.connection.execute(update(unreadable).where(*where).values(incident=incident))
