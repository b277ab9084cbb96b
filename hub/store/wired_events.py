"""Events of buttons that are wired to gateways, as they were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from hub.store.tables import wired_events
from hub.store.upsert import insert_new
from protocols.ids import GatewayId, OrganisationId
from protocols.mqtt.envelope import ButtonData, ButtonSign, PanelTold, button_event_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx


@dataclass(frozen=True, slots=True)
class WiredEvent:
    """One event with how it came in.

    Attributes:
        data: what the button says; with organisation and gateway it is the identity.
        observed_at: when it happened, by the gateway's word.
        time_quality: how far that can be trusted (``TimeQuality``).
        received_at: when the gateway noticed it.
        recorded_at: when the hub committed it; None before.
        incident: that it belongs to.
        told: what the panel last said that it shows of it.
    """

    organisation: OrganisationId
    gateway: GatewayId
    data: ButtonData
    observed_at: datetime
    time_quality: str
    received_at: datetime
    recorded_at: datetime | None = None
    incident: str | None = None
    told: PanelTold | None = None

    @property
    def id(self) -> str:
        """Of its envelope."""
        return button_event_id(self.gateway, self.data)


def add(tx: Tx, event: WiredEvent) -> bool:
    """Record an event once; False when it is recorded already."""
    values = {
        **_key(event),
        "sign": event.data.sign,
        "observed_at": event.observed_at,
        "time_quality": event.time_quality,
        "received_at": event.received_at,
        "recorded_at": tx.now,
    }
    return insert_new(tx, wired_events, values)


def attach(tx: Tx, event: WiredEvent, incident: str) -> None:
    """An event belongs to an incident."""
    _update(tx, event, incident=incident)


def shows(tx: Tx, event: WiredEvent, told: PanelTold | None) -> None:
    """The panel says what it shows of an event."""
    _update(tx, event, told=told)


def of_incident(tx: Tx, organisation: OrganisationId, incident: str) -> list[WiredEvent]:
    """What belongs to an incident, in the order it was recorded."""
    where = (wired_events.c.organisation == organisation, wired_events.c.incident == incident)
    return _found(tx, where)


def of_gateway(tx: Tx, organisation: OrganisationId, gateway: str, *, limit: int = 200) -> list[WiredEvent]:
    """The newest of a gateway's buttons, in the order they were recorded."""
    where = (wired_events.c.organisation == organisation, wired_events.c.gateway == gateway)
    return _found(tx, where, limit)


def by_id(tx: Tx, organisation: OrganisationId, gateway: str, event: str) -> WiredEvent | None:
    """The event of this envelope id, which begins with the gateway's, a hyphen, the boot and a hyphen."""
    boot, _, rest = event.removeprefix(f"{gateway}-").partition("-")
    button, _, number = rest.rpartition("-")
    if not number.isdecimal() or int(number) >= 2**31:
        return None
    where = (
        wired_events.c.organisation == organisation,
        wired_events.c.gateway == gateway,
        wired_events.c.boot == boot,
        wired_events.c.button == button,
        wired_events.c.number == int(number),
    )
    return next(iter(_found(tx, where)), None)


def proved_at(tx: Tx, organisation: OrganisationId, gateway: str) -> datetime | None:
    """When a button of this gateway last got through to the hub, as a test or in earnest."""
    newest = of_gateway(tx, organisation, gateway, limit=1)
    return newest[0].recorded_at if newest else None


def _found(tx: Tx, where: Sequence[Any], limit: int = 1000) -> list[WiredEvent]:
    order = (wired_events.c.recorded_at.desc(), wired_events.c.number.desc())
    rows = tx.connection.execute(select(wired_events).where(*where).order_by(*order).limit(limit))
    return [_event(row) for row in rows][::-1]


def _key(event: WiredEvent) -> dict[str, Any]:
    data = event.data
    return {
        "organisation": event.organisation,
        "gateway": event.gateway,
        "boot": data.boot,
        "button": data.button,
        "number": data.number,
    }


def _update(tx: Tx, event: WiredEvent, **values: str | None) -> None:
    where = [wired_events.c[name] == value for name, value in _key(event).items()]
    tx.connection.execute(update(wired_events).where(*where).values(**values))


def _event(row: Row[Any]) -> WiredEvent:
    return WiredEvent(
        organisation=OrganisationId(row.organisation),
        gateway=GatewayId(row.gateway),
        data=ButtonData(button=row.button, boot=row.boot, number=row.number, sign=ButtonSign(row.sign)),
        observed_at=row.observed_at,
        time_quality=row.time_quality,
        received_at=row.received_at,
        recorded_at=row.recorded_at,
        incident=row.incident,
        told=None if row.told is None else PanelTold(row.told),
    )
