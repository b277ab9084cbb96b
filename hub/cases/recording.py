"""An event of a device, recorded once and followed to wherever it leads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases import handover, incidents, notify, sessions, telling
from hub.domain import keys
from hub.domain.incident import IN_HAND, LIVE, DuressHeard, Kind, Phase, Raised, Withdrawn
from hub.domain.matching import Match, Verdict, match
from hub.domain.repeats import DOUBT as REPEATS
from hub.domain.repeats import Judgement, LastSign, Said, judge, life
from hub.domain.session import Risk
from hub.store import devices, events, journal, presence, restores, wired_events
from hub.store import incidents as incident_rows
from hub.store import sessions as session_rows
from hub.store.faults import FaultKind
from protocols.events import ALARM_STAGES, Cause, Stage
from protocols.mqtt.envelope import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.cases.desk import Desk
    from hub.store.events import Heard, Spoken
    from hub.store.incidents import IncidentRecord
    from protocols.ids import Address, GatewayId, OrganisationId

_KINDS: Final = {
    Cause.PANIC: Kind.PANIC,
    Cause.DISCREET_PANIC: Kind.DISCREET_PANIC,
    Cause.FALL: Kind.FALL,
    Cause.NO_MOTION: Kind.NO_MOTION,
    Cause.REMOVED: Kind.REMOVED,
    Cause.TAMPER: Kind.TAMPER,
}
UNREADABLE_A_DAY: Final = 200
"""Messages that can't be read, kept of one gateway in a day."""
_A_DAY: Final = timedelta(days=1)
DOUBTED: Final = frozenset({*keys.DOUBTS.values(), REPEATS})


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a message from a gateway.

    Attributes:
        outcome: recorded, duplicate or unreadable.
        address: the device's, if it was a device's.
        downlink: *stored*, sealed for the device.
        gateways: that may reach the device, besides the one that asked. A repeat is answered to that one alone.
        heard: the event as it was recorded.
    """

    outcome: Outcome
    address: Address | None = None
    downlink: bytes | None = None
    gateways: tuple[GatewayId, ...] = ()
    heard: Heard | None = None


def record(desk: Desk, heard: Heard) -> Recorded:
    """Record one event; everything that follows from it happens in this transaction.

    An event is no sign of life: it may have waited on its gateway. Only presence digests are. What comes under a key
    that proves nothing is heard only as far as somebody may need help.
    """
    address = heard.report.identity.address
    if not heard.voice.is_live and heard.report.stage not in ALARM_STAGES:
        return Recorded(Outcome.DUPLICATE, address)
    presence.put_hearings(desk.tx, heard.organisation, heard.gateway, [(address, heard.rssi)])
    judged = _judged(desk, heard)
    new = judged is not None and events.add(desk.tx, judged)
    if judged is not None and new:
        _follow(desk, judged)
    near = telling.gateways_near(desk.tx, heard.organisation, address) if new else ()
    return Recorded(
        Outcome.RECORDED if new else Outcome.DUPLICATE,
        address,
        telling.receipt(desk.tx, heard),
        tuple(near),
        judged,
    )


def _judged(desk: Desk, heard: Heard) -> Heard | None:
    """The event with its life and whether it is believed; None = a duplicate."""
    report, voice = heard.report, heard.voice
    known = events.known(desk.tx, heard.organisation, report.identity, voice.enrolment)
    if not known:
        return replace(heard, doubt=voice.doubt)
    dated = report.age_s is not None
    said = Said(report.stage, report.counter, heard.frame, heard.observed_at, dated, voice.is_live)
    judgement = judge(said, known, _last_sign(desk, heard), desk.now)
    if judgement is Judgement.DUPLICATE:
        return None
    doubt = REPEATS if judgement is Judgement.REPEATED and voice.is_live else voice.doubt
    return replace(heard, doubt=doubt, life=life(said, known))


def _last_sign(desk: Desk, heard: Heard) -> LastSign | None:
    seen = presence.of_device(desk.tx, heard.organisation, heard.report.identity.address)
    if seen is None or seen.enrolment != heard.voice.enrolment:
        return None
    return LastSign(seen.counter, seen.heard_at)


def unreadable(
    desk: Desk, organisation: OrganisationId, gateway: GatewayId, payload: bytes, problems: list[str]
) -> Recorded:
    """Keep what can't be read and page somebody: it was sent as an alarm.

    Of a gateway that sends no end of it, nothing more is kept; it pages as long as nobody has been paged.
    """
    if events.count_unreadable(desk.tx, organisation, gateway, desk.now - _A_DAY) >= UNREADABLE_A_DAY:
        if incident_rows.live(desk.tx, organisation, incidents.of_gateway(gateway)) is None:
            _page_unreadable(desk, organisation, gateway)
        return Recorded(Outcome.UNREADABLE)
    number = events.add_unreadable(desk.tx, organisation, gateway, payload, problems)
    if number is not None:
        incident = _page_unreadable(desk, organisation, gateway)
        events.attach_unreadable(desk.tx, organisation, number, incident.id)
    return Recorded(Outcome.UNREADABLE)


def _page_unreadable(desk: Desk, organisation: OrganisationId, gateway: GatewayId) -> IncidentRecord:
    """One incident per gateway. What joins it before somebody has it wakes nobody a second time; afterwards it does."""
    subject = incidents.of_gateway(gateway)
    live = incident_rows.live(desk.tx, organisation, subject)
    if live is not None and live.state.phase not in IN_HAND:
        return live
    found = Match(Verdict.UNMATCHED, None, None, None, (f"a message of gateway {gateway} can't be read",))
    about = incidents.About(organisation, subject, found, desk.now, gateway=gateway)
    return incidents.raise_(desk, about, Raised(Kind.UNREADABLE))


def _follow(desk: Desk, heard: Heard) -> None:
    stage = heard.report.stage
    if stage is Stage.NOTICE:
        _notice(desk, heard)
    elif stage is Stage.CANCELLED:
        _cancelled(desk, heard)
    elif stage is Stage.DURESS:
        _duress(desk, heard)
    else:
        _alarm(desk, heard)


def _notice(desk: Desk, heard: Heard) -> None:
    report, found = heard.report, _match(desk, heard)
    chain = found.session or incidents.of_device(report.identity.address)
    _write_down(desk, heard, chain)
    if report.cause is Cause.CHECK_IN and found.worker is not None:
        sessions.answered(desk, heard.organisation, found.worker, heard.gateway, heard.observed_at)
    elif report.cause is Cause.TEST:
        devices.proved(desk.tx, heard.organisation, report.identity.address)
    elif report.cause is Cause.LOW_BATTERY:
        detail = f"{report.battery} % left in {report.identity.address}"
        notify.fault(desk, heard.organisation, FaultKind.DEVICE_BATTERY, report.identity.address, detail)
    elif report.cause is Cause.REMOVED:
        _removed(desk, heard, found)


def _removed(desk: Desk, heard: Heard, found: Match) -> None:
    """Taken off: in a high-risk session the wearer is asked, and then others; otherwise a fault."""
    session = None if found.session is None else session_rows.get(desk.tx, heard.organisation, found.session)
    if session is not None and session.state.risk is Risk.HIGH:
        _raise(desk, heard)
        return
    address = heard.report.identity.address
    notify.fault(desk, heard.organisation, FaultKind.DEVICE_REMOVED, address, f"{address} was taken off")


def _alarm(desk: Desk, heard: Heard) -> None:
    """A later stage of what alarmed already, or a pre-alarm cancelled before it was heard, is no new alarm."""
    known = _incident(desk, heard)
    if known is not None and known.state.phase not in {Phase.PENDING, Phase.WITHDRAWN}:
        _attach(desk, heard, known)
        return
    seen = events.stages(desk.tx, heard)
    if heard.report.stage is Stage.PRE_ALARM and seen & {Stage.CANCELLED, Stage.ALARM, Stage.DURESS}:
        _write_down(desk, heard, incidents.of_device(heard.report.identity.address) if known is None else known.id)
        return
    raised = _raise(desk, heard)
    if Stage.CANCELLED in seen:
        others = events.uncancelled(desk.tx, heard.organisation, raised.id)
        _withdraw(desk, raised, [one for one in others if one.identity != heard.report.identity])


def _raise(desk: Desk, heard: Heard) -> IncidentRecord:
    report, found = heard.report, _match(desk, heard)
    address = report.identity.address
    about = incidents.About(
        organisation=heard.organisation,
        subject=incidents.of_device(address) if found.worker is None else incidents.of_worker(found.worker),
        match=found,
        observed_at=heard.observed_at,
        address=address,
        gateway=heard.gateway,
    )
    age = desk.now - heard.observed_at
    event = Raised(_KINDS.get(report.cause, Kind.PANIC), withdrawable=report.stage is Stage.PRE_ALARM, age=age)
    record_ = _believed(desk, heard, found, incidents.raise_(desk, about, event))
    _attach(desk, heard, record_)
    _label(desk, heard, record_)
    return record_


def _believed(desk: Desk, heard: Heard, found: Match, record_: IncidentRecord) -> IncidentRecord:
    """An alarm that is believed, in an incident that began with one that was not: the doubt is gone."""
    if heard.doubt is not None or not DOUBTED.intersection(record_.match.reasons):
        return record_
    after = replace(record_, match=found)
    incident_rows.save(desk.tx, after)
    return after


def _cancelled(desk: Desk, heard: Heard) -> None:
    """A cancel of something unheard changes nothing yet; should the alarm itself still come, it will be known."""
    known = _incident(desk, heard)
    if known is None:
        _write_down(desk, heard, incidents.of_device(heard.report.identity.address))
        return
    _attach(desk, heard, known)
    _withdraw(desk, known, events.uncancelled(desk.tx, heard.organisation, known.id))


def _withdraw(desk: Desk, known: IncidentRecord, others: Sequence[Spoken]) -> None:
    """One of several signs says nothing of the others: another device, or whoever pressed the button on the wall."""
    if known.state.phase not in LIVE:
        return
    if others or wired_events.of_incident(desk.tx, known.organisation, known.id):
        journal.append(desk.tx, known.organisation, known.id, "one of several was cancelled", detail={})
    else:
        incidents.apply(desk, known, Withdrawn("cancelled on the device"))


def _duress(desk: Desk, heard: Heard) -> None:
    known = _incident(desk, heard)
    if known is None or known.state.phase not in LIVE:
        known = _raise(desk, heard)
    else:
        _attach(desk, heard, known)
    incidents.apply(desk, known, DuressHeard())
    _label(desk, heard, known)


def _label(desk: Desk, heard: Heard, known: IncidentRecord) -> None:
    if heard.replayed:
        restores.note_replayed(desk.tx, heard.organisation, known.id, heard.observed_at)


def _incident(desk: Desk, heard: Heard) -> IncidentRecord | None:
    number = events.incident_of(desk.tx, heard)
    return None if number is None else incident_rows.get(desk.tx, heard.organisation, number)


def _attach(desk: Desk, heard: Heard, known: IncidentRecord) -> None:
    events.attach(desk.tx, heard, known.id)
    _write_down(desk, heard, known.id)


def _write_down(desk: Desk, heard: Heard, chain: str) -> None:
    report = heard.report
    detail = {
        "event": str(report.identity),
        "cause": report.cause.label,
        "stage": report.stage.label,
        "observed": heard.observed_at.isoformat(),
        "received": heard.received_at.isoformat(),
        "gateway": heard.gateway,
    }
    if heard.doubt is not None:
        detail["doubt"] = heard.doubt
    journal.append(desk.tx, heard.organisation, chain, "event", detail=detail)


def _match(desk: Desk, heard: Heard) -> Match:
    worn = devices.assignments_of(desk.tx, heard.organisation, heard.report.identity.address)
    worn = list(handover.kept(desk.tx, heard.organisation, worn, heard.observed_at))
    workers = {assignment.worker for assignment in worn if assignment.covers(heard.observed_at)}
    windows = session_rows.windows(desk.tx, heard.organisation, workers)
    found = match(heard.observed_at, worn, windows)
    if heard.doubt is None:
        return found
    verdict = Verdict.AMBIGUOUS if found.verdict is Verdict.MATCHED else found.verdict
    return replace(found, verdict=verdict, reasons=(heard.doubt, *found.reasons))
