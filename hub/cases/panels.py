"""The panels on the walls: what is wrong with them, and what they are to show of their own buttons' alarms.

A panel is told each later stage through the outbox, until it says itself that it shows it. What it says at every change
of its status is held against the incident, so that a panel that was away or started anew catches up.

Whoever threatens the wearer may stand before the panel. So a cancel on their device and one under duress look the
same there: the wall's own press is cancelled by neither, its stages go on being told, and under duress none is taken
back, though the ladder starts anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.cases import notify
from hub.cases.telling import DOWNLINK
from hub.domain.incident import LIVE, Phase
from hub.domain.quoting import said_by
from hub.store import faults, incidents, outbox, wired_events
from hub.store.faults import FaultKind
from hub.store.outbox import ItemKind, NewItem
from protocols.mqtt.envelope import ButtonSign, PanelFault, PanelTold

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.incidents import IncidentRecord
    from hub.store.wired_events import WiredEvent
    from protocols.ids import GatewayId, OrganisationId
    from protocols.mqtt.envelope import PanelData

PANEL: Final = "panel"
"""Message of a downlink that is for a panel."""
_RANK: Final = 1
_NEWEST: Final = 10
"""Among so many of a gateway's last events its live alarm is looked for."""
_OF_PHASE: Final = {
    Phase.TAKEN: PanelTold.PERSON_HAS_IT,
    Phase.HELP_SENT: PanelTold.HELP_SENT,
    Phase.CLOSED: PanelTold.CLOSED,
    Phase.WITHDRAWN: PanelTold.CLOSED,
}
_ORDER: Final = list(PanelTold)


def tell(desk: Desk, record: IncidentRecord) -> None:
    """Queue where an incident stands, once somebody has it, for every panel whose button belongs to it."""
    if record.state.phase in _OF_PHASE:
        alarms = wired_events.of_incident(desk.tx, record.organisation, record.id)
        for event in {alarm.gateway: alarm for alarm in alarms}.values():
            _queue(desk, record, event, _OF_PHASE[record.state.phase])


def status(desk: Desk, organisation: OrganisationId, gateway: GatewayId, panel: PanelData | None) -> None:
    """What a gateway says of its panel; None = it has none."""
    said = {} if panel is None else panel.faults
    for fault in PanelFault:
        subject = f"{gateway}: {fault}"
        if fault in said:
            notify.fault(desk, organisation, FaultKind.PANEL_FAULT, subject, said_by(gateway, said[fault]))
        else:
            faults.clear(desk.tx, organisation, FaultKind.PANEL_FAULT, subject)
    if panel is not None:
        _catch_up(desk, organisation, gateway, panel)


def _catch_up(desk: Desk, organisation: OrganisationId, gateway: GatewayId, panel: PanelData) -> None:
    if panel.event is None:
        _start_anew(desk, organisation, gateway)
        return
    event = wired_events.by_id(desk.tx, organisation, gateway, panel.event)
    record = None if event is None else _incident(desk, event)
    if event is None or record is None:
        return
    wired_events.shows(desk.tx, event, panel.told)
    wanted = _wanted(record, panel.told)
    is_receipt_on_its_way = wanted is PanelTold.STORED and panel.told is PanelTold.WAITING
    if panel.told is not wanted and not is_receipt_on_its_way:
        _queue(desk, record, event, wanted)


def _start_anew(desk: Desk, organisation: OrganisationId, gateway: GatewayId) -> None:
    """A panel that knows of no alarm is told of the newest one that is live."""
    outbox.cancel_downlinks(desk.tx, organisation, gateway)
    for event in reversed(wired_events.of_gateway(desk.tx, organisation, gateway, limit=_NEWEST)):
        record = None if event.data.sign is ButtonSign.TEST else _incident(desk, event)
        if record is not None and record.state.phase in LIVE:
            wired_events.shows(desk.tx, event, None)
            _queue(desk, record, event, _wanted(record, event.told))
            return


def _wanted(record: IncidentRecord, shown: PanelTold | None) -> PanelTold:
    wanted = _OF_PHASE.get(record.state.phase, PanelTold.STORED)
    if record.state.duress and shown is not None:
        return max(wanted, shown, key=_ORDER.index)
    return wanted


def _incident(desk: Desk, event: WiredEvent) -> IncidentRecord | None:
    return None if event.incident is None else incidents.get(desk.tx, event.organisation, event.incident)


def _queue(desk: Desk, record: IncidentRecord, event: WiredEvent, shows: PanelTold) -> None:
    """A newer word for the same panel replaces what has not reached it."""
    outbox.cancel_downlinks(desk.tx, record.organisation, event.gateway)
    item = NewItem(
        kind=ItemKind.DOWNLINK,
        channel=DOWNLINK,
        recipient=event.gateway,
        incident=record.id,
        message=PANEL,
        payload={"event": event.id, "shows": shows},
        rank=_RANK,
    )
    outbox.add(desk.tx, record.organisation, item)
