"""What the panel on the wall shows and sounds.

Lamps, after a lamp test of ``LAMP_TEST_S`` in which all are lit:

========  ============================================================  ======
lamp      when                                                          light
========  ============================================================  ======
HEARING   advertisements are heard                                      STEADY
HEARING   none is: blind, the scanner doesn't run, or none came yet     SLOW
ONLINE    the hub is there and receipts come within ``LATE_S``          STEADY
ONLINE    the broker is reached, but the hub is away or doesn't answer  SLOW
ONLINE    the broker is not reached                                     FAST
ALARM     an alarm waits for its receipt                                FAST
ALARM     the hub has stored it, nobody has it yet                      SLOW
ALARM     a person has it                                               STEADY
ALARM     none, or all are closed or cancelled                          OFF
========  ============================================================  ======

In test mode all three are FAST, of a discreet button too: nobody may take it for earnest. It does not begin while an
alarm of the button is alive (:func:`may_test`).

A lamp is OFF when the gateway does not run. ALARM is about the gateway's own button and about devices that it hears,
whichever is least far. Of a device it shows nothing that its wearer may want hidden: no discreet alarm, and a cancel
under threat looks as any other cancel.

Sounds, about the own button only:

================================  ===================================================
event                             tune
================================  ===================================================
Kept or Receipted, the first      UNDERSTOOD
Receipted, the last of its alarms STORED
Pressed, a test                   TEST_SENT
Receipted, a test                 TESTED
PressedTooShort                   TOO_SHORT
no receipt for ``LATE_S``         NOT_DELIVERED, again every ``AGAIN_S`` for 5 minutes
================================  ===================================================

What was only pressed has no sound yet: a wire repeats nothing, so nobody is told *understood* of an alarm that a power
cut would still lose. A test never sounds like an alarm, nor an alarm like a test. A discreet button has neither light
nor sound. Times are ticks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from protocols.events import ALARM_STAGES, Cause, DeviceReport, Stage, Told
from protocols.mqtt.envelope import PanelTold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.ids import Address, EventIdentity

LAMP_TEST_S: Final = 1.0
LATE_S: Final = 20.0
"""Without a receipt for so long an alarm is *not delivered*."""
AGAIN_S: Final = 10.0
MOANS: Final = 31
"""How often *not delivered* is sounded: for five minutes."""
FORGOTTEN_AFTER_S: Final = 180.0
"""A device that says nothing of its alarm for so long is somewhere else."""


Key = TypeVar("Key")
Value = TypeVar("Value")


class Lamp(StrEnum):
    HEARING = "hearing"
    ONLINE = "online"
    ALARM = "alarm"


class Light(StrEnum):
    OFF = "off"
    STEADY = "steady"
    SLOW = "slow"
    FAST = "fast"


class Tune(StrEnum):
    UNDERSTOOD = "understood"
    STORED = "stored"
    NOT_DELIVERED = "not delivered"
    TOO_SHORT = "too short"
    TEST_SENT = "test sent"
    TESTED = "tested"


Display: TypeAlias = "Mapping[Lamp, Light]"


@dataclass(frozen=True, slots=True)
class Facts:
    """The gateway, at one look.

    Attributes:
        hearing: advertisements are heard.
        connected: to the broker, on the alarms' connection.
        hub_online: the hub's status says so.
        oldest_s: since the event was heard that waits longest for its receipt.
    """

    hearing: bool = False
    connected: bool = False
    hub_online: bool = False
    oldest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceAlarm:
    """An alarm of a device that is heard.

    Attributes:
        heard: when a frame last spoke of it.
    """

    identity: EventIdentity
    told: Told
    heard: float


@dataclass(frozen=True, slots=True)
class Panel:
    """The state.

    Attributes:
        started: when.
        discreet: the button has neither light nor sound.
        facts: as last seen.
        waiting: the button's events without a receipt -> since when.
        event: id of the button's newest alarm, told: how far that has come.
        devices: alarms of devices.
        moans: how often *not delivered* was sounded since something waits.
        tests: which of those that wait are tests.
        unkept: which are alarms that are neither written nor receipted.
        testing: the button is in test mode.
    """

    started: float
    discreet: bool = False
    facts: Facts = field(default_factory=Facts)
    waiting: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    event: str | None = None
    told: PanelTold | None = None
    devices: Mapping[Address, DeviceAlarm] = field(default_factory=lambda: MappingProxyType({}))
    moans: int = 0
    tests: frozenset[str] = frozenset()
    unkept: frozenset[str] = frozenset()
    testing: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """This is how the gateway stands."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class Pressed:
    """The button has raised this event.

    Attributes:
        is_test: it pages nobody.
    """

    event: str
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class PressedTooShort:
    """The button was let go too early: nothing came of it."""


@dataclass(frozen=True, slots=True)
class Testing:
    """Whether the button is in test mode."""

    on: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """An event is on the disk."""

    event: str


@dataclass(frozen=True, slots=True)
class Receipted:
    """The hub has committed an event, the button's or another."""

    event: str


@dataclass(frozen=True, slots=True)
class Staged:
    """The hub says how far an alarm of the button has come."""

    event: str
    told: PanelTold


@dataclass(frozen=True, slots=True)
class Overheard:
    """A new frame of a device."""

    report: DeviceReport


Event: TypeAlias = Looked | Pressed | PressedTooShort | Testing | Kept | Receipted | Staged | Overheard
Decision: TypeAlias = tuple[Panel, tuple[Tune, ...]]

_FAR: Final = {
    Told.NOTHING: Light.FAST,
    Told.HEARD: Light.FAST,
    Told.NOT_DELIVERED: Light.FAST,
    Told.STORED: Light.SLOW,
    Told.PERSON_HAS_IT: Light.STEADY,
    Told.HELP_SENT: Light.STEADY,
    PanelTold.WAITING: Light.FAST,
    PanelTold.STORED: Light.SLOW,
    PanelTold.PERSON_HAS_IT: Light.STEADY,
    PanelTold.HELP_SENT: Light.STEADY,
}
_ABOUT_S: Final = 1.0
_SHOWN: Final = ALARM_STAGES - {Stage.DURESS}
_LEAST_FAR_FIRST: Final = (Light.FAST, Light.SLOW, Light.STEADY)


def decide(panel: Panel, event: Event | None, *, now: float) -> Decision:
    """What an event, or the mere passing of time (None), leads to."""
    panel, tunes = _happened(panel, event, now)
    panel, more = _late(_forget(panel, now), now)
    return panel, () if panel.discreet else (*tunes, *more)


def next_due(panel: Panel, *, now: float) -> float | None:
    """When something changes without anybody's doing; None = never."""
    due = [alarm.heard + FORGOTTEN_AFTER_S for alarm in panel.devices.values()]
    if now < panel.started + LAMP_TEST_S:
        due.append(panel.started + LAMP_TEST_S)
    if panel.waiting and panel.moans < MOANS:
        due.append(_late_at(panel))
    return min(due, default=None)


def display(panel: Panel, *, now: float) -> Display:
    """How each lamp is lit."""
    if now < panel.started + LAMP_TEST_S:
        return dict.fromkeys(Lamp, Light.STEADY)
    if panel.testing:
        return dict.fromkeys(Lamp, Light.FAST)
    return {
        Lamp.HEARING: Light.STEADY if panel.facts.hearing else Light.SLOW,
        Lamp.ONLINE: _online(panel, now),
        Lamp.ALARM: _alarm(panel),
    }


def may_test(panel: Panel) -> bool:
    """No alarm of the button is alive, as far as the panel knows."""
    return panel.told in {None, PanelTold.CLOSED} and not panel.waiting


def _online(panel: Panel, now: float) -> Light:
    if not panel.facts.connected:
        return Light.FAST
    return Light.SLOW if not panel.facts.hub_online or _is_answerless(panel, now) else Light.STEADY


def _is_answerless(panel: Panel, now: float) -> bool:
    """A receipt is late; unless it is a discreet button's, which even this lamp must not give away."""
    own_s = now - min(panel.waiting.values()) if panel.discreet and panel.waiting else float("-inf")
    return panel.facts.oldest_s >= LATE_S and panel.facts.oldest_s > own_s + _ABOUT_S


def _alarm(panel: Panel) -> Light:
    shown = {_FAR.get(alarm.told, Light.OFF) for alarm in panel.devices.values()}
    if not panel.discreet:
        shown |= {Light.FAST} if panel.waiting else set()
        shown |= {_FAR[panel.told]} if panel.told in _FAR else set()
    return next((light for light in _LEAST_FAR_FIRST if light in shown), Light.OFF)


def _happened(panel: Panel, event: Event | None, now: float) -> Decision:
    match event:
        case Pressed() | PressedTooShort():
            return _pressed(panel, event, now)
        case Kept(number) if number in panel.unkept:
            return replace(panel, unkept=panel.unkept - {number}), (Tune.UNDERSTOOD,)
        case Receipted(number) if number in panel.waiting:
            return _receipted(panel, number)
    return _noted(panel, event, now), ()


def _noted(panel: Panel, event: Event | None, now: float) -> Panel:
    """What has no sound."""
    match event:
        case Looked(facts):
            return replace(panel, facts=facts)
        case Testing(on):
            return replace(panel, testing=on)
        case Staged(number, told):
            return _staged(panel, number, told)
        case Overheard(report):
            return replace(panel, devices=_overheard(panel.devices, report, now))
    return panel


def _pressed(panel: Panel, event: Pressed | PressedTooShort, now: float) -> Decision:
    if isinstance(event, PressedTooShort):
        return panel, (Tune.TOO_SHORT,)
    waiting = MappingProxyType({**panel.waiting, event.event: now})
    pressed = replace(panel, waiting=waiting, moans=0)
    if event.is_test:
        return replace(pressed, tests=panel.tests | {event.event}), (Tune.TEST_SENT,)
    return replace(pressed, event=event.event, told=PanelTold.WAITING, unkept=panel.unkept | {event.event}), ()


def _receipted(panel: Panel, event: str) -> Decision:
    waiting = MappingProxyType(_without(panel.waiting, event))
    told = PanelTold.STORED if event == panel.event and panel.told is PanelTold.WAITING else panel.told
    tests = panel.tests - {event}
    receipted = replace(panel, waiting=waiting, told=told, tests=tests, unkept=panel.unkept - {event})
    receipted = replace(receipted, moans=panel.moans if waiting else 0)
    if event in panel.tests:
        return receipted, (Tune.TESTED,)
    if waiting.keys() - tests:
        return receipted, (Tune.UNDERSTOOD,) if event in panel.unkept else ()
    return receipted, (Tune.STORED,)


def _staged(panel: Panel, event: str, told: PanelTold) -> Panel:
    """A word about an older alarm says nothing of the newest. After a start the hub knows better which that is."""
    if panel.event is None or panel.event == event:
        return replace(panel, event=event, told=told)
    return panel


def _overheard(
    devices: Mapping[Address, DeviceAlarm], report: DeviceReport, now: float
) -> Mapping[Address, DeviceAlarm]:
    """A heartbeat tells of the newest event, whose alarm it may be; any stage but an alarm's ends it."""
    identity = report.identity
    known = devices.get(identity.address)
    is_known = known is not None and known.identity == identity
    if not (is_known or _is_open_alarm(report)):
        return devices
    is_over = report.told is Told.CLOSED or not (report.is_heartbeat or _is_open_alarm(report))
    shown = {} if is_over else {identity.address: DeviceAlarm(identity, report.told, now)}
    return MappingProxyType({**_without(devices, identity.address), **shown})


def _is_open_alarm(report: DeviceReport) -> bool:
    return report.stage in _SHOWN and report.cause is not Cause.DISCREET_PANIC


def _without(items: Mapping[Key, Value], key: Key) -> dict[Key, Value]:
    return {other: value for other, value in items.items() if other != key}


def _forget(panel: Panel, now: float) -> Panel:
    lately = {address: one for address, one in panel.devices.items() if now < one.heard + FORGOTTEN_AFTER_S}
    return panel if len(lately) == len(panel.devices) else replace(panel, devices=MappingProxyType(lately))


def _late_at(panel: Panel) -> float:
    return min(panel.waiting.values()) + LATE_S + panel.moans * AGAIN_S


def _late(panel: Panel, now: float) -> Decision:
    if not panel.waiting or panel.moans >= MOANS or now < _late_at(panel):
        return panel, ()
    missed = int((now - _late_at(panel)) // AGAIN_S)
    return replace(panel, moans=panel.moans + 1 + missed), (Tune.NOT_DELIVERED,)
