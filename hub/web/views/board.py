"""The main page: what is live, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases import watch
from hub.domain.incident import RED, Phase
from hub.domain.session import Risk, SessionPhase
from hub.web.views import naming
from hub.web.views.alarms import Alarm, Wearing, Where, alarm, in_order, wearing, where
from hub.web.views.times import Clock, Moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.store.faults import Fault
    from hub.store.incidents import IncidentRecord
    from hub.store.presence import GatewayRecord
    from hub.store.sessions import SessionRecord
    from hub.web.reading import BoardFacts, Names

GATEWAY_LATE: Final = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Untaken:
    """What must not be overlooked on any page. ``first`` is the gravest: its headline and who."""

    count: int
    first: str
    href: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is under way or planned.

    Attributes:
        marks: what is wrong with it: ``silent``, ``overrun``, ``no device``.
        device: the worker's device that was heard last.
    """

    id: str
    worker: str
    where: Where | None
    active: bool
    starts: Moment
    ends: Moment
    over_time: bool
    high_risk: bool
    device: Wearing | None
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """A gateway. ``state`` is ``online``, ``offline``, ``silent`` or ``blind``."""

    id: str
    place: str | None
    state: str
    well: bool
    heard: Moment
    outbox_depth: int
    version: str


@dataclass(frozen=True, slots=True)
class FaultRow:
    """A fault; ``shelved`` says until when, by whom and why."""

    id: str
    kind: str
    subject: str
    detail: str
    raised: Moment
    shelved: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that is live. ``shown`` is by incident the number of its newest sign, for its *Close* to refer to."""

    now: Moment
    untaken: Untaken | None
    shown: Mapping[str, int]
    alarms: tuple[Alarm, ...]
    asked: tuple[Alarm, ...]
    sessions: tuple[SessionRow, ...]
    gateways: tuple[GatewayRow, ...]
    faults: tuple[FaultRow, ...]
    shelved: tuple[FaultRow, ...]


def board(facts: BoardFacts) -> Board:
    """The main page."""
    names, ordered = facts.names, in_order(facts.incidents)
    clock = Clock.of(names)
    faults = [(fault.is_shelved(names.now), _fault(fault, facts)) for fault in facts.faults]
    return Board(
        now=clock.at(names.now),
        untaken=untaken(ordered, names),
        shown=facts.shown,
        alarms=tuple(alarm(one, names) for one in ordered if one.state.phase in RED),
        asked=tuple(alarm(one, names) for one in ordered if one.state.phase is Phase.PENDING),
        sessions=tuple(_session(one, names) for one in _sessions_in_order(facts.sessions)),
        gateways=tuple(_gateway(one, names) for one in facts.gateways),
        faults=tuple(row for shelved, row in faults if not shelved),
        shelved=tuple(row for shelved, row in faults if shelved),
    )


def untaken(records: Iterable[IncidentRecord], names: Names) -> Untaken | None:
    """Red alerts that nobody has."""
    red = [record for record in in_order(records) if record.state.phase is Phase.OPEN]
    if not red:
        return None
    first = alarm(red[0], names)
    return Untaken(len(red), f"{first.headline}: {first.who}", f"/incidents/{first.id}")


def _sessions_in_order(records: Sequence[SessionRecord]) -> list[SessionRecord]:
    """Under way before planned; the one that ends first, first."""
    return sorted(records, key=lambda one: (one.state.phase is not SessionPhase.ACTIVE, one.state.ends_at))


def _session(record: SessionRecord, names: Names) -> SessionRow:
    state, clock = record.state, Clock.of(names)
    worker = names.workers.get(record.worker)
    return SessionRow(
        id=record.id,
        worker=worker.name if worker is not None else record.worker,
        where=where(names.places.get(record.place)),
        active=state.phase is SessionPhase.ACTIVE,
        starts=clock.at(state.starts_at),
        ends=clock.at(state.ends_at),
        over_time=state.phase is SessionPhase.ACTIVE and state.ends_at < names.now,
        high_risk=state.risk is Risk.HIGH,
        device=_device_of(record.worker, names),
        marks=tuple(_marks(record)),
    )


def _marks(record: SessionRecord) -> Iterable[str]:
    state = record.state
    if watch.has_fallen_silent(record):
        yield "silent"
    if state.phase is SessionPhase.ACTIVE and state.overrun_due is None:
        yield "overrun"
    if not state.wears_device:
        yield "no device"


def _device_of(worker: str, names: Names) -> Wearing | None:
    """The one heard last, if they wear several."""
    worn = names.worn.get(worker, ())
    if not worn:
        return None
    heard = [names.heard[address] for address in worn if address in names.heard]
    newest = max(heard, key=lambda one: one.heard_at).address if heard else worn[0]
    return wearing(newest, names)


def _gateway(record: GatewayRecord, names: Names) -> GatewayRow:
    late = names.now - record.heard_at > GATEWAY_LATE
    state = "silent" if late and record.state == "online" else record.state
    state = "blind" if record.blind and state == "online" else state
    place = names.places.get(record.place or "")
    return GatewayRow(
        id=record.id,
        place=place.name if place is not None else None,
        state=state,
        well=state == "online",
        heard=Clock.of(names).at(record.heard_at),
        outbox_depth=record.outbox_depth,
        version=record.version,
    )


def _fault(fault: Fault, facts: BoardFacts) -> FaultRow:
    names = facts.names
    return FaultRow(
        id=fault.id,
        kind=naming.headline(fault),
        subject=naming.subject(fault, names, facts.sessions),
        detail=naming.detail(fault, names, facts.sessions),
        raised=Clock.of(names).at(fault.raised_at),
        shelved=_shelved(fault, names),
    )


def _shelved(fault: Fault, names: Names) -> str | None:
    if fault.shelved_until is None or not fault.is_shelved(names.now):
        return None
    until = Clock.of(names).at(fault.shelved_until)
    return f"until {until.short}, by {names.account(fault.shelved_by)}: {fault.shelved_why}"
