"""Who was heard last, by which gateway, and how the gateways are."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select, update

from hub.store.deadlines import DeadlineKind
from hub.store.lookup import Lookup
from hub.store.tables import deadlines, gateways, hearings, presence
from hub.store.upsert import insert_new, put
from protocols.events import Told
from protocols.ids import Address, EventIdentity, GatewayId, OrganisationId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx

HEARINGS: Final = Lookup(hearings, "organisation", "address")
HELD_GATEWAY: Final = Lookup(gateways, "organisation", "id", locks=True)
ONLINE: Final = "online"
BOOTS_SIZE: Final = 64
"""Characters of :attr:`GatewayRecord.status_boots`."""
PRESENCE: Final = Lookup(presence, "organisation", "address")
GATEWAYS: Final = Lookup(gateways, "organisation", "id")


@dataclass(frozen=True, slots=True)
class Presence:
    """The newest authentic frame of a device, whichever gateway heard it.

    Attributes:
        counter: of that frame; only a higher one shows that the device is alive.
        heard_at: when the hub recorded it.
        battery: percent.
        identity: the event it was about.
        told: what the wearer had been told of that event.
        enrolment: of the root key that it spoke under.
        generation: of the working key.
        mark_counter: at ``mark_at``, some time ago, the device's counter had come so far.
        next_mark_counter: at ``next_mark_at``, later, it had come so far.
        passed: frames of late that were on the air after their counter had long been passed.
        passed_since: when the first of those came.
    """

    address: Address
    counter: int
    heard_at: datetime
    gateway: GatewayId
    battery: int
    worn: bool
    fault: bool
    identity: EventIdentity
    told: Told
    enrolment: int
    generation: int
    mark_counter: int
    mark_at: datetime
    next_mark_counter: int
    next_mark_at: datetime
    passed: int = 0
    passed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GatewayRecord:
    """A gateway as it last described itself.

    Attributes:
        state: ``online`` or ``offline``.
        heard_at: when the hub last had a sign of it.
        status_boots: the starts of its program that its numbered statuses were of, newest first, a space between them:
            as many as there is room for, three of those that gateways name.
        status_number: of the last of those statuses.
    """

    organisation: OrganisationId
    id: GatewayId
    state: str
    boot: str
    version: str
    outbox_depth: int
    blind: bool
    heard_at: datetime
    place: str | None = None
    status_boots: str = ""
    status_number: int = 0


_TOUCHED: Final = (
    update(gateways)
    .where(gateways.c.organisation == bindparam("_organisation"), gateways.c.id == bindparam("_id"))
    .where(gateways.c.state == ONLINE)
    .values(boot=bindparam("boot"))
)


def of_device(tx: Tx, organisation: OrganisationId, address: str) -> Presence | None:
    """Under the newest root key that it was heard under."""
    rows = tx.unit.rows(PRESENCE, organisation, address)
    return _presence(max(rows, key=attrgetter("enrolment"))) if rows else None


def of_devices(tx: Tx, organisation: OrganisationId) -> dict[Address, Presence]:
    where = presence.c.organisation == organisation
    rows = tx.connection.execute(select(presence).where(where).order_by(presence.c.enrolment))
    return {Address(row.address): _presence(row) for row in rows}


def put_presence(tx: Tx, organisation: OrganisationId, seen: Presence) -> None:
    """Overwrite what is known of a device; the caller has checked the counter."""
    values = {name: getattr(seen, name) for name in seen.__slots__ if name not in {"identity", "told"}}
    values |= {"epoch": seen.identity.epoch, "sequence": seen.identity.sequence, "told": int(seen.told)}
    tx.unit.put(presence, {"organisation": organisation, **values})


def put_hearings(
    tx: Tx, organisation: OrganisationId, gateway: GatewayId, heard: Sequence[tuple[Address, int]]
) -> None:
    """This gateway hears these devices now; pairs of address and RSSI in dBm."""
    for address, rssi in heard:
        who = {"organisation": organisation, "address": address, "gateway": gateway}
        tx.unit.put(hearings, {**who, "heard_at": tx.now, "rssi": rssi})


def gateways_hearing(tx: Tx, organisation: OrganisationId, address: str, since: datetime) -> list[GatewayId]:
    """Which gateways lately heard a device, strongest first."""
    lately = [row for row in tx.unit.rows(HEARINGS, organisation, address) if row.heard_at >= since]
    return [GatewayId(row.gateway) for row in sorted(lately, key=attrgetter("rssi"), reverse=True)]


def get_gateway(tx: Tx, organisation: OrganisationId, gateway: str) -> GatewayRecord | None:
    rows = tx.unit.rows(GATEWAYS, organisation, gateway)
    return _gateway(rows[0]) if rows else None


def hold_gateway(tx: Tx, organisation: OrganisationId, gateway: str) -> GatewayRecord | None:
    """The same, locked until the transaction ends."""
    rows = tx.unit.rows(HELD_GATEWAY, organisation, gateway)
    return _gateway(rows[0]) if rows else None


def all_gateways(tx: Tx, organisation: OrganisationId) -> list[GatewayRecord]:
    where = gateways.c.organisation == organisation
    return [_gateway(row) for row in tx.connection.execute(select(gateways).where(where).order_by(gateways.c.id))]


def put_gateway(tx: Tx, record: GatewayRecord) -> None:
    """Overwrite what is known of a gateway. Its place stays: that is said by people, see :func:`put_place`."""
    values = _values(record)
    del values["place"]
    put(tx, gateways, [values])


def touch_gateways(tx: Tx, alive: Mapping[tuple[OrganisationId, GatewayId], str]) -> None:
    """Signs of these gateways came just now, each of one boot; of those that are not online nothing is changed.

    Whoever locks several does so in the order of their keys.
    """
    rows = [{"_organisation": of, "_id": gateway, "boot": boot} for (of, gateway), boot in sorted(alive.items())]
    if rows:
        tx.connection.execute(_TOUCHED.values(heard_at=tx.now), rows)


def still_heard(tx: Tx, limit: int, since: datetime) -> dict[tuple[OrganisationId, str], datetime]:
    """Gateways whose silence is due to be looked for, though they were heard after ``since``; when that was.

    The deadlines' rows are locked, those that somebody else has locked left out.
    """
    same = (gateways.c.organisation == deadlines.c.organisation) & (gateways.c.id == deadlines.c.subject)
    statement = (
        select(gateways.c.organisation, gateways.c.id, gateways.c.heard_at)
        .join_from(deadlines, gateways, same)
        .where(deadlines.c.kind == DeadlineKind.GATEWAY, deadlines.c.due_at <= tx.now, gateways.c.heard_at > since)
        .order_by(deadlines.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deadlines)
    )
    return {(OrganisationId(row.organisation), row.id): row.heard_at for row in tx.connection.execute(statement)}


def put_place(tx: Tx, organisation: OrganisationId, gateway: str, place: str | None, *, state: str) -> None:
    """Where a gateway hangs; one that was never heard is known from now on, in ``state``."""
    new = GatewayRecord(organisation, GatewayId(gateway), state, "", "", 0, blind=False, heard_at=tx.now)
    insert_new(tx, gateways, _values(new))
    where = (gateways.c.organisation == organisation, gateways.c.id == gateway)
    tx.connection.execute(update(gateways).where(*where).values(place=place))


def set_gateway_state(tx: Tx, organisation: OrganisationId, gateway: str, state: str) -> None:
    """Nothing happens if it was never heard of."""
    where = (gateways.c.organisation == organisation, gateways.c.id == gateway)
    tx.connection.execute(update(gateways).where(*where).values(state=state))


def _presence(row: Row[Any]) -> Presence:
    address = Address(row.address)
    return Presence(
        address,
        row.counter,
        row.heard_at,
        GatewayId(row.gateway),
        row.battery,
        row.worn,
        row.fault,
        EventIdentity(address, row.epoch, row.sequence),
        Told(row.told),
        row.enrolment,
        row.generation,
        row.mark_counter,
        row.mark_at,
        row.next_mark_counter,
        row.next_mark_at,
        row.passed,
        row.passed_since,
    )


def _values(record: GatewayRecord) -> dict[str, Any]:
    """By column."""
    values = {name: getattr(record, name) for name in record.__slots__}
    values["status_boot"] = values.pop("status_boots")
    return values


def _gateway(row: Row[Any]) -> GatewayRecord:
    return GatewayRecord(
        OrganisationId(row.organisation),
        GatewayId(row.id),
        row.state,
        row.boot,
        row.version,
        row.outbox_depth,
        row.blind,
        row.heard_at,
        row.place,
        row.status_boot,
        row.status_number,
    )
