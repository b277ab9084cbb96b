"""A worker's own page: the truth, but for what :mod:`hub.web.own` leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.incident import WELFARE, Phase
from hub.domain.session import Risk, SessionPhase
from hub.web.views.alarms import HEADLINES, Wearing, Where, where
from hub.web.views.times import Clock, Moment

if TYPE_CHECKING:
    from hub.store.devices import Device
    from hub.store.incidents import IncidentRecord
    from hub.store.presence import Presence
    from hub.store.sessions import SessionRecord
    from hub.web.own import Own

_STANDING = {
    Phase.OPEN: "Nobody has it yet. They are being told.",
    Phase.PENDING: "You are asked: check in on your device, or end or extend the session here.",
    Phase.TAKEN: "A person has it.",
    Phase.HELP_SENT: "Help is on its way.",
}


@dataclass(frozen=True, slots=True)
class OwnAlarm:
    """One's own alarm. ``standing`` says the truth, in words."""

    headline: str
    standing: str
    tone: str
    happened: Moment


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One's own session."""

    id: str
    where: Where | None
    active: bool
    over_time: bool
    high_risk: bool
    starts: Moment
    ends: Moment


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A worker's own page. ``untaken`` is for the frame that every page has: nothing rings here."""

    now: Moment
    worker: str
    devices: tuple[Wearing, ...]
    alarms: tuple[OwnAlarm, ...]
    sessions: tuple[OwnSession, ...]
    untaken: None = None


def own_page(facts: Own) -> OwnPage:
    """What is to be shown."""
    clock = Clock.of(facts)
    return OwnPage(
        now=clock.at(facts.now),
        worker=facts.worker.name,
        devices=tuple(_device(device, heard, clock) for device, heard in facts.devices),
        alarms=tuple(_alarm(record, clock) for record in facts.incidents),
        sessions=tuple(_session(record, facts, clock) for record in facts.sessions),
    )


def _device(device: Device, heard: Presence | None, clock: Clock) -> Wearing:
    if heard is None:
        return Wearing(device.address, device.label)
    return Wearing(device.address, device.label, clock.at(heard.heard_at), heard.battery, heard.gateway)


def _alarm(record: IncidentRecord, clock: Clock) -> OwnAlarm:
    tone = {Phase.OPEN: "red", Phase.PENDING: "amber"}.get(record.state.phase, "held")
    standing = _STANDING[record.state.phase]
    if record.state.phase is Phase.PENDING and record.state.kind not in WELFARE:
        standing = "Pre-alarm: you may still cancel it on your device."
    return OwnAlarm(HEADLINES[record.state.kind], standing, tone, clock.at(record.observed_at))


def _session(record: SessionRecord, facts: Own, clock: Clock) -> OwnSession:
    state = record.state
    return OwnSession(
        id=record.id,
        where=where(facts.places.get(record.place)),
        active=state.phase is SessionPhase.ACTIVE,
        over_time=state.ends_at <= facts.now,
        high_risk=state.risk is Risk.HIGH,
        starts=clock.at(state.starts_at),
        ends=clock.at(state.ends_at),
    )
