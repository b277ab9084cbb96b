"""Incidents: raised by devices and deadlines, dealt with by named people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from hub.cases import notify, panels, telling, watch
from hub.domain.incident import (
    LIVE,
    WELFARE,
    Ask,
    CancelPending,
    Closed,
    DeadlinePassed,
    Event,
    HelpSent,
    Incident,
    Note,
    Notify,
    Outcome,
    Phase,
    Raised,
    Taken,
    Tell,
    decide,
)
from hub.domain.ladder import LADDER
from hub.store import devices, events, incidents, journal, outbox
from hub.store.incidents import IncidentRecord
from hub.store.outbox import ItemKind, ItemState
from protocols.ids import IncidentId

if TYPE_CHECKING:
    from datetime import datetime

    from hub.cases.desk import Desk
    from hub.domain.incident import Effect
    from hub.domain.matching import Match
    from hub.store.outbox import Item
    from protocols.ids import Address, GatewayId, OrganisationId

Subject: TypeAlias = str


class UnknownIncidentError(LookupError):
    """No such incident in this organisation.

    Attributes:
        incident: the id that was asked for.
    """

    def __init__(self, incident: str) -> None:
        super().__init__(f"no incident {incident}")
        self.incident = incident


@dataclass(frozen=True, slots=True)
class About:
    """Whom and what an incident is about."""

    organisation: OrganisationId
    subject: Subject
    match: Match
    observed_at: datetime
    address: Address | None = None
    gateway: GatewayId | None = None


def of_worker(worker: str) -> Subject:
    return f"worker:{worker}"


def of_device(address: str) -> Subject:
    return f"device:{address}"


def of_gateway(gateway: str) -> Subject:
    return f"gateway:{gateway}"


def of_place(place: str) -> Subject:
    return f"place:{place}"


def of_button(gateway: str) -> Subject:
    """A button on the wall nobody knows where."""
    return f"button:{gateway}"


def raise_(desk: Desk, about: About, event: Raised) -> IncidentRecord:
    """Join the subject's live incident, or begin one."""
    live = incidents.live(desk.tx, about.organisation, about.subject)
    if live is not None:
        return apply(desk, _newest(live, about, event), event)
    state, effects = decide(None, event, now=desk.now)
    record = _new(desk, about, state)
    incidents.add(desk.tx, record)
    _carry_out(desk, record, effects)
    return record


def _newest(live: IncidentRecord, about: About, event: Raised) -> IncidentRecord:
    """Responders go where the newest alarm is; a question about silence or overrun moves nobody."""
    if event.kind in WELFARE:
        return live
    match = live.match if about.match.session is None else about.match
    newest = max(live.observed_at, about.observed_at)
    address = about.address or live.address  # a button on the wall has none
    return replace(live, match=match, observed_at=newest, address=address, gateway=about.gateway)


def _new(desk: Desk, about: About, state: Incident) -> IncidentRecord:
    return IncidentRecord(
        organisation=about.organisation,
        id=IncidentId(desk.tx.new_id()),
        subject=about.subject,
        state=state,
        opened_at=desk.now,
        observed_at=about.observed_at,
        match=about.match,
        address=about.address,
        gateway=about.gateway,
    )


def apply(desk: Desk, record: IncidentRecord, event: Event) -> IncidentRecord:
    """Decide on one event, save, and carry out what follows.

    Raises:
        NotPossibleError: the incident's phase does not allow it.
    """
    state, effects = decide(record.state, event, now=desk.now)
    after = replace(record, state=state)
    incidents.save(desk.tx, after)
    _carry_out(desk, after, effects)
    if state.phase is not record.state.phase:
        panels.tell(desk, after)
    if state.phase not in LIVE and record.match.worker is not None:
        watch.rearm(desk, record.organisation, record.match.worker)
    return after


def _carry_out(desk: Desk, record: IncidentRecord, effects: tuple[Effect, ...]) -> None:
    for effect in effects:
        if isinstance(effect, Notify):
            notify.incident(desk, record, effect)
        elif isinstance(effect, Tell):
            telling.tell(desk, record, effect.told)
        elif isinstance(effect, Ask):
            telling.ask(desk, record)
        elif isinstance(effect, CancelPending):
            outbox.cancel_alerts(desk.tx, record.organisation, record.id)
        else:
            _write_down(desk, record, effect)


def _write_down(desk: Desk, record: IncidentRecord, note: Note) -> None:
    detail = dict(note.detail)
    journal.append(desk.tx, record.organisation, record.id, note.action, by=note.by, detail=detail)


def get(desk: Desk, organisation: OrganisationId, incident: str) -> IncidentRecord:
    """One incident.

    Raises:
        UnknownIncidentError: there is none of this id.
    """
    record = incidents.get(desk.tx, organisation, incident)
    if record is None:
        raise UnknownIncidentError(incident)
    return record


def deadline(desk: Desk, organisation: OrganisationId, incident: str) -> None:
    """An incident's own deadline came up."""
    record = get(desk, organisation, incident)
    if record.state.due is not None and record.state.due <= desk.now:
        apply(desk, record, DeadlinePassed())


def unreached(desk: Desk, item: Item) -> None:
    """Somebody can't be reached this way, ever. If that was the last one of their rung, the next is told at once."""
    record = incidents.get(desk.tx, item.organisation, str(item.incident))
    if record is None or record.state.phase is not Phase.OPEN or record.state.rung != item.payload.get("rung"):
        return
    alerts = [one for one in outbox.of_incident(desk.tx, item.organisation, record.id) if one.kind is ItemKind.ALERT]
    told = [one for one in alerts if one.payload == item.payload and one.channel == item.channel]
    if record.state.rung + 1 < len(LADDER) and all(one.state is ItemState.FAILED for one in told):
        apply(desk, replace(record, state=replace(record.state, due=desk.now)), DeadlinePassed())


def take(desk: Desk, organisation: OrganisationId, incident: str, by: str) -> IncidentRecord:
    """Somebody has it.

    Raises:
        UnknownIncidentError, NotPossibleError: as they say.
    """
    return apply(desk, get(desk, organisation, incident), Taken(by))


def help_sent(desk: Desk, organisation: OrganisationId, incident: str, by: str) -> IncidentRecord:
    """Help is on its way.

    Raises:
        UnknownIncidentError, NotPossibleError: as they say.
    """
    return apply(desk, get(desk, organisation, incident), HelpSent(by))


def close(
    desk: Desk, organisation: OrganisationId, incident: str, by: str, outcome: Outcome, note: str
) -> IncidentRecord:
    """*It is over, and this is what it was.* A session that goes on is watched again. A test proves its devices.

    Raises:
        UnknownIncidentError, NotPossibleError: as they say.
    """
    record = apply(desk, get(desk, organisation, incident), Closed(by, outcome, note))
    if outcome is Outcome.TEST:
        _proved(desk, record)
    return record


def _proved(desk: Desk, record: IncidentRecord) -> None:
    """The whole way from the button to a person was seen to work, when the alarm was raised."""
    for event in events.of_incident(desk.tx, record.organisation, record.id):
        device = devices.get(desk.tx, record.organisation, event.identity.address)
        if device is None or event.doubt is not None:
            continue
        newest = max(device.proved_at or event.observed_at, event.observed_at)
        devices.change(desk.tx, record.organisation, device.address, proved_at=newest)
