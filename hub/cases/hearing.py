"""Signs of life: of devices by their newest authentic frame, of gateways by their status and digests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases import device_keys, incidents, notify, panels, watch
from hub.domain import replays
from hub.domain.incident import Kind, Withdrawn
from hub.domain.replays import Mark, Marks, Tally
from hub.domain.session import SessionPhase
from hub.store import credentials, deadlines, devices, faults, presence, sessions
from hub.store import device_keys as key_rows
from hub.store import incidents as incident_rows
from hub.store.deadlines import DeadlineKind
from hub.store.faults import FaultKind
from hub.store.presence import GatewayRecord, Presence
from protocols.mqtt.envelope import GatewayState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hub.cases.desk import Desk
    from hub.cases.opening import Opened
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
    opened: Opened,
    rssi: int,
    age: timedelta = timedelta(0),
) -> bool:
    """A frame of a device, ``age`` old. False, and no sign of life, if it was passed or its key proves nothing."""
    report, voice, address = opened.report, opened.voice, opened.report.identity.address
    known = presence.of_device(desk.tx, organisation, address)
    device_keys.heard(desk, opened.record, voice)
    if not voice.is_live or (known is not None and _number(known) > _said(opened)):
        if known is not None:
            _passed(desk, organisation, known, opened, age)
        return False
    presence.put_hearings(desk.tx, organisation, gateway, [(address, rssi)])
    if known is not None and _number(known) == _said(opened):
        return False
    presence.put_presence(desk.tx, organisation, _seen(opened, known, gateway, desk.now - age))
    if report.fault and (known is None or not known.fault):
        detail = f"the self-test or a sensor of {address} failed"
        notify.fault(desk, organisation, FaultKind.DEVICE_FAULT, address, detail)
    if known is not None:
        _well_again(desk, organisation, known, report)
    _end_silence(desk, organisation, address)
    return True


def _number(known: Presence) -> tuple[int, int, int]:
    """A device that lost its memory counts anew; so does what is heard, from its next key on."""
    return known.enrolment, known.generation, known.counter


def _said(opened: Opened) -> tuple[int, int, int]:
    return opened.voice.enrolment, opened.voice.generation, opened.report.counter


def _seen(opened: Opened, known: Presence | None, gateway: GatewayId, heard_at: datetime) -> Presence:
    report, voice = opened.report, opened.voice
    newest = Mark(report.counter, heard_at)
    marks = Marks(newest, newest)
    if known is not None and known.enrolment == voice.enrolment:
        before = Mark(known.mark_counter, known.mark_at), Mark(known.next_mark_counter, known.next_mark_at)
        marks = replays.moved(Marks(*before), newest)
    return Presence(
        report.identity.address,
        report.counter,
        heard_at,
        gateway,
        report.battery,
        report.worn,
        report.fault,
        report.identity,
        report.told,
        voice.enrolment,
        voice.generation,
        *marks.old,
        *marks.young,
    )


def _passed(desk: Desk, organisation: OrganisationId, known: Presence, opened: Opened, age: timedelta) -> None:
    """Count a frame that is long passed, and tell when there is a pattern of them."""
    address = known.address
    mark, counter = Mark(known.mark_counter, known.mark_at), opened.report.counter
    if not replays.is_long_passed(mark, counter, age=age, now=desk.now):
        return
    tally = replays.counted(Tally(known.passed, known.passed_since), desk.now)
    presence.put_presence(desk.tx, organisation, replace(known, passed=tally.frames, passed_since=tally.since))
    if tally.frames >= replays.PATTERN:
        detail = (
            f"frames of {address} are on the air that it had left behind (counter {counter}, it had come to "
            f"{known.mark_counter}): somebody replays them, or the device lost its memory and needs a new key"
        )
        notify.fault(desk, organisation, FaultKind.ACCESS_REFUSED, address, detail)


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
    for assignment in devices.assignments_of(desk.tx, organisation, address):
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
    """What a gateway says of itself, or the broker of it (its last will). A retained word is no sign of life.

    What one that was revoked had still to say changes nothing.
    """
    if credentials.is_revoked(desk.tx, organisation, gateway, hold=True):
        return
    known = presence.hold_gateway(desk.tx, organisation, gateway)
    if known is not None and _is_behind(known, status):
        return
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
        _boots(status.boot, "" if known is None else known.status_boots),
        status.number,
    )
    presence.put_gateway(desk.tx, record)
    if not online:
        _gateway_gone(desk, record, "its connection is gone")
        return
    if not retained:
        faults.clear(desk.tx, organisation, FaultKind.GATEWAY_SILENT, gateway)
    panels.status(desk, organisation, gateway, status.panel)
    blind(desk, organisation, gateway, is_blind=status.blind, detail="it hears no Bluetooth advertisement at all")
    _unopened(desk, organisation, gateway, status.unopened)


def _is_behind(known: GatewayRecord, status: StatusData) -> bool:
    """Another replica has handled a later one already.

    What an earlier start of its program left says nothing of the next one: neither its will, nor whatever of it comes
    after a status of the next. Only if the digests of now are of that start, it was taken for the earlier one wrongly.
    """
    if not status.number:
        return False
    newest, *earlier = known.status_boots.split() or [""]
    if status.boot == newest:
        return status.number < known.status_number
    is_left = status.state is GatewayState.OFFLINE or status.boot in earlier
    return is_left and status.boot != known.boot


def _boots(newest: str, before: str) -> str:
    """As in :attr:`GatewayRecord.status_boots`: the oldest go when there is no room."""
    boots = " ".join([newest, *(boot for boot in before.split() if boot != newest)])
    while len(boots) > presence.BOOTS_SIZE and " " in boots:
        boots = boots.rpartition(" ")[0]
    return boots


def _unopened(desk: Desk, organisation: OrganisationId, gateway: GatewayId, addresses: Sequence[Address]) -> None:
    """Devices that a gateway hears and can't understand: their alarms would not get through."""
    now = {f"{address} at {gateway}": address for address in addresses}
    for subject, address in now.items():
        detail = (
            f"{gateway} hears frames of {address} that no key opens, so an alarm of it would not get through: its root "
            "key was mistyped when it was enrolled, it lost its memory, or somebody forges it. Enrol it from its label"
        )
        notify.fault(desk, organisation, FaultKind.FRAMES_UNOPENED, subject, detail)
    for fault in faults.listed(desk.tx, organisation):
        is_of_it = fault.kind is FaultKind.FRAMES_UNOPENED and fault.subject.endswith(f" at {gateway}")
        if is_of_it and fault.subject not in now:
            faults.clear(desk.tx, organisation, fault.kind, fault.subject)


def gateway_alive(desk: Desk, organisation: OrganisationId, gateway: GatewayId, boot: str) -> bool:
    """A digest came. False, and no sign of life of anybody, if the gateway was revoked."""
    if credentials.is_revoked(desk.tx, organisation, gateway, hold=True):
        return False
    known = presence.get_gateway(desk.tx, organisation, gateway)
    if known is None:
        known = GatewayRecord(organisation, gateway, GatewayState.ONLINE, boot, "", 0, False, desk.now)
        deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, desk.now + GATEWAY_LIMIT)
    if known.state != GatewayState.ONLINE:
        faults.clear(desk.tx, organisation, FaultKind.GATEWAY_SILENT, gateway)
        deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, desk.now + GATEWAY_LIMIT)
    presence.put_gateway(desk.tx, replace(known, state=GatewayState.ONLINE, boot=boot, heard_at=desk.now))
    return True


def gateways_alive(
    desk: Desk, digests: Mapping[tuple[OrganisationId, GatewayId], str]
) -> set[tuple[OrganisationId, GatewayId]]:
    """Digests came, each of one boot of a gateway. Those that count; see :func:`gateway_alive`."""
    desk.tx.unit.read_ahead(credentials.HELD, digests)
    desk.tx.unit.read_ahead(presence.GATEWAYS, digests)
    good = {key: boot for key, boot in digests.items() if not credentials.is_revoked(desk.tx, *key, hold=True)}
    known = {key: presence.get_gateway(desk.tx, *key) for key in good}
    online = {key for key, record in known.items() if record is not None and record.state == GatewayState.ONLINE}
    presence.touch_gateways(desk.tx, {key: good[key] for key in online})
    return online | {key for key in good.keys() - online if gateway_alive(desk, *key, good[key])}


def frames_ahead(desk: Desk, heard: Collection[tuple[OrganisationId, Address]]) -> None:
    """What :func:`device` will ask about these devices, asked once for all of them."""
    unit, now = desk.tx.unit, desk.now
    for lookup in (devices.DEVICES, key_rows.KEYS, presence.PRESENCE, devices.ASSIGNMENTS):
        unit.read_ahead(lookup, heard)
    worn = [(of, one) for of, address in heard for one in devices.assignments_of(desk.tx, of, address)]
    unit.read_ahead(sessions.ACTIVE, {(of, one.worker, SessionPhase.ACTIVE) for of, one in worn if one.covers(now)})


def revoked_spoke(desk: Desk, organisation: OrganisationId, gateway: GatewayId) -> None:
    """An event came from this gateway. It counts whoever sent it; of one that was revoked, administrators are told."""
    if credentials.is_revoked(desk.tx, organisation, gateway):
        detail = (
            f"{gateway} was revoked, and an event came from it: it was recorded, and people were paged if it was an "
            "alarm. Unless it was on its way already, somebody has the gateway or speaks in its name"
        )
        notify.fault(desk, organisation, FaultKind.ACCESS_REFUSED, gateway, detail)


def look(desk: Desk, limit: int) -> int:
    """Up to ``limit`` watches that have come up, of gateways that were heard: they move on. How many."""
    heard = presence.still_heard(desk.tx, limit, desk.now - GATEWAY_LIMIT)
    due = {gateway: heard_at + GATEWAY_LIMIT for gateway, heard_at in heard.items()}
    deadlines.move(desk.tx, DeadlineKind.GATEWAY, due)
    return len(due)


def gateway_due(desk: Desk, organisation: OrganisationId, gateway: str) -> None:
    """Has the gateway been heard lately? Only now is looked."""
    known = presence.hold_gateway(desk.tx, organisation, gateway)
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
