"""The page of one incident: facts, call sheet, events with their three times, notifications, journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store.outbox import ItemKind
from hub.web.views.alarms import Alarm, alarm
from hub.web.views.board import Untaken, untaken
from hub.web.views.call_sheet import CallSheet, call_sheet
from hub.web.views.entries import EntryRow, row
from hub.web.views.times import Clock, Moment
from protocols.events import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.events import RecordedEvent
    from hub.store.outbox import Item
    from hub.store.wired_events import WiredEvent
    from hub.web.reading import IncidentFacts, Names


@dataclass(frozen=True, slots=True)
class EventRow:
    """What a device or a wired button said, with its three times. A button has neither strength nor battery."""

    what: str
    identity: str
    observed: Moment
    received: Moment
    recorded: Moment
    quality: str
    gateway: str
    rssi: int | None = None
    battery: int | None = None


@dataclass(frozen=True, slots=True)
class NotificationRow:
    """What was or is to be sent, and what became of it."""

    created: Moment
    what: str
    to: str
    channel: str
    state: str
    attempts: int
    detail: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One incident. ``shown`` is as on the board."""

    now: Moment
    untaken: Untaken | None
    shown: Mapping[str, int]
    alarm: Alarm
    sheet: CallSheet
    session: str | None
    events: tuple[EventRow, ...]
    notifications: tuple[NotificationRow, ...]
    journal: tuple[EntryRow, ...]


def incident(facts: IncidentFacts) -> IncidentPage:
    """The page of one incident."""
    names, clock = facts.names, Clock.of(facts.names)
    return IncidentPage(
        now=clock.at(names.now),
        untaken=untaken((facts.incident, *facts.others), names),
        shown=facts.shown,
        alarm=alarm(facts.incident, names),
        sheet=call_sheet(facts),
        session=_session(facts, clock),
        events=(*(_event(one, clock) for one in facts.events), *(_wired(one, clock) for one in facts.wired)),
        notifications=tuple(_notification(one, names, clock) for one in facts.notifications),
        journal=tuple(row(one, names) for one in facts.journal),
    )


def _session(facts: IncidentFacts, clock: Clock) -> str | None:
    if facts.session is None:
        return None
    state = facts.session.state
    starts, ends = clock.at(state.starts_at), clock.at(state.ends_at)
    return f"{state.phase}, {starts.short} to {ends.short}, {state.risk} risk"


def _event(event: RecordedEvent, clock: Clock) -> EventRow:
    return EventRow(
        what=f"{event.cause.label}, {event.stage.label}",
        identity=str(event.identity),
        observed=clock.at(event.observed_at),
        received=clock.at(event.received_at),
        recorded=clock.at(event.recorded_at),
        quality=event.time_quality,
        gateway=event.gateway,
        rssi=event.rssi,
        battery=event.battery,
    )


def _wired(event: WiredEvent, clock: Clock) -> EventRow:
    return EventRow(
        what=f"{event.data.sign.replace('_', ' ')}, wired button {event.data.button}",
        identity=f"{event.data.boot}/{event.data.number}",
        observed=clock.at(event.observed_at),
        received=clock.at(event.received_at),
        recorded=clock.at(event.recorded_at or event.received_at),
        quality=event.time_quality,
        gateway=event.gateway,
    )


def _notification(item: Item, names: Names, clock: Clock) -> NotificationRow:
    return NotificationRow(
        created=clock.at(item.created_at),
        what=_said(item),
        to=_recipient(item.recipient or "", names),
        channel=item.channel,
        state=item.state,
        attempts=item.attempts,
        detail=item.detail,
    )


def _said(item: Item) -> str:
    if item.kind is ItemKind.DOWNLINK and "told" in item.payload:
        return f"to the wearer: {Told(item.payload['told']).label}"
    if item.kind is ItemKind.DOWNLINK and "shows" in item.payload:
        return f"to the panel: {item.payload['shows']}"
    return item.message.replace("_", " ")


def _recipient(recipient: str, names: Names) -> str:
    kind, _, number = recipient.partition(":")
    if kind == "account":
        return names.account(number)
    if kind == "worker" and number in names.workers:
        return names.workers[number].name
    device = names.devices.get(recipient)
    return device.label if device is not None else recipient
