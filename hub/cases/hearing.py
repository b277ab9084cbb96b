"""Signs of life: of devices by their newest authentic frame, of gateways by their status and digests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases import incidents, notify, panels, watch
from hub.domain.incident import Kind, Withdrawn
from hub.store import deadlines, directory, faults, presence, sessions
from hub.store import incidents as incident_rows
from hub.store.deadlines import DeadlineKind
from hub.store.faults import FaultKind
from hub.store.presence import GatewayRecord
from protocols.mqtt.envelope import GatewayState

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.presence import Presence
    from protocols.events import DeviceReport
    from protocols.ids import Address, GatewayId, OrganisationId
    from protocols.mqtt.envelope import StatusData

GATEWAY_LIMIT: Final = timedelta(seconds=45)
"""A gateway sends a digest every 10 s; four missing in a row are silence."""
SILENT: Final = "silent"
CHARGED_PERCENT: Final = 30
"""From here on a low battery is over."""


def device(
    desk: Desk,
    organisation: OrganisationId,
    gateway: GatewayId,
    report: DeviceReport,
    rssi: int,
    age: timedelta = timedelta(0),
) -> bool:
    """A frame of a device, ``age`` old. False, and no sign of life, when its counter was passed already."""
    address = report.identity.address
    known = presence.of_device(desk.tx, organisation, address)
    if known is not None and report.counter < known.counter:
        return False
    presence.put_hearings(desk.tx, organisation, gateway, [(address, rssi)])
    if known is not None and report.counter == known.counter:
        return False
    presence.put_presence(desk.tx, organisation, gateway, report, desk.now - age)
    if report.fault and (known is None or not known.fault):
        detail = f"the self-test or a sensor of {address} failed"
        notify.fault(desk, organisation, FaultKind.DEVICE_FAULT, address, detail)
    if known is not None:
        _well_again(desk, organisation, known, report)
    _end_silence(desk, organisation, address)
    return True


def _well_again(desk: Desk, organisation: OrganisationId, known: Presence, report: DeviceReport) -> None:
    """Faults of the device that its newest frame shows to be over."""
    over = {
        FaultKind.DEVICE_REMOVED: report.worn and not known.worn,
        FaultKind.DEVICE_FAULT: known.fault and not report.fault,
        FaultKind.DEVICE_BATTERY: report.battery >= CHARGED_PERCENT > known.battery,
    }
    for kind in (kind for kind, is_over in over.items() if is_over):
        faults.clear(desk.tx, organisation, kind, report.identity.address)


def _end_silence(desk: Desk, organisation: OrganisationId, address: Address) -> None:
    for assignment in directory.assignments_of(desk.tx, organisation, address):
        if assignment.covers(desk.now):
            _heard_again(desk, organisation, assignment.worker)


def _heard_again(desk: Desk, organisation: OrganisationId, worker: str) -> None:
    for silent in sessions.fallen_silent(desk.tx, organisation, worker):
        watch.heard(desk, organisation, silent)
        live = incident_rows.live(desk.tx, organisation, incidents.of_worker(worker))
        if live is not None and live.state.kind is Kind.SILENCE:
            incidents.apply(desk, live, Withdrawn("the device is heard again", by_wearer=False))


def gateway_status(
    desk: Desk, organisation: OrganisationId, gateway: GatewayId, status: StatusData, *, retained: bool
) -> None:
    """What a gateway says of itself, or the broker of it (its last will). A retained word is no sign of life."""
    known = presence.get_gateway(desk.tx, organisation, gateway)
    heard_at = known.heard_at if retained and known is not None else desk.now
    online = status.state is GatewayState.ONLINE
    due = heard_at + GATEWAY_LIMIT if online else None
    deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, due)
    record = GatewayRecord(
        organisation,
        gateway,
        status.state,
        status.boot,
        status.version,
        status.outbox_depth,
        status.blind,
        heard_at,
        None if known is None else known.place,
    )
    presence.put_gateway(desk.tx, record)
    if not online:
        _gateway_gone(desk, record, "its connection is gone")
        return
    if not retained:
        faults.clear(desk.tx, organisation, FaultKind.GATEWAY_SILENT, gateway)
    panels.status(desk, organisation, gateway, status.panel)
    blind(desk, organisation, gateway, is_blind=status.blind, detail="it hears no Bluetooth advertisement at all")


def gateway_alive(desk: Desk, organisation: OrganisationId, gateway: GatewayId, boot: str) -> None:
    """A digest came."""
    known = presence.get_gateway(desk.tx, organisation, gateway)
    if known is None:
        known = GatewayRecord(organisation, gateway, GatewayState.ONLINE, boot, "", 0, False, desk.now)
        deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, desk.now + GATEWAY_LIMIT)
    if known.state != GatewayState.ONLINE:
        faults.clear(desk.tx, organisation, FaultKind.GATEWAY_SILENT, gateway)
        deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, desk.now + GATEWAY_LIMIT)
    presence.put_gateway(desk.tx, replace(known, state=GatewayState.ONLINE, boot=boot, heard_at=desk.now))


def gateway_due(desk: Desk, organisation: OrganisationId, gateway: str) -> None:
    """Has the gateway been heard lately? Only now is looked."""
    known = presence.get_gateway(desk.tx, organisation, gateway)
    if known is not None and known.heard_at + GATEWAY_LIMIT > desk.now:
        due = known.heard_at + GATEWAY_LIMIT
        deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, due)
    elif known is not None:
        deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, None)
        presence.put_gateway(desk.tx, replace(known, state=SILENT))
        _gateway_gone(desk, known, f"nothing heard of it since {known.heard_at.isoformat(timespec='seconds')}")


def _gateway_gone(desk: Desk, record: GatewayRecord, detail: str) -> None:
    notify.fault(desk, record.organisation, FaultKind.GATEWAY_SILENT, record.id, detail)


def blind(desk: Desk, organisation: OrganisationId, gateway: GatewayId, *, is_blind: bool, detail: str) -> None:
    """A gateway hears nothing although it should, or hears again."""
    if is_blind:
        notify.fault(desk, organisation, FaultKind.GATEWAY_BLIND, gateway, detail)
    else:
        faults.clear(desk.tx, organisation, FaultKind.GATEWAY_BLIND, gateway)
