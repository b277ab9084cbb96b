"""What a frame of an expected device leads to.

=========  ==================  ========================================================================
frame      its key             leads to
=========  ==================  ========================================================================
heartbeat                      Alive, if it is later than the last; otherwise Replayed
event      new                 Publish, however old its counter; the hub is the judge of that
event      known               Publish again if, 30 s later, the device still shows that its wearer was
                               not told *stored*: the receipt got lost on the way, and only the hub can
                               seal a new one. If it is no later than the last, only with a frame that
                               was not heard before: a device that lost its memory makes new ones under
                               old identities and counters, a recording is spent once it was heard
event      below the newest    the same, among the events of that time
           generation heard
event      any other           Alive, and an Answer while the wearer was told nothing in the first 20 s;
                               both only if it is later than the last
=========  ==================  ========================================================================

*Later* is by generation of the key it was sealed under, then by counter: what a device did under a new generation lets
nobody speak for it under an old one, however high the counter that they make up.

The key of an event is (boot epoch, event sequence, stage). Nothing is ever suppressed by silence or by time. A key that
fell out of the bounded memory is published once more, which is harmless: the hub takes an event once.

Of the frames of a known event that may ask again, each is remembered by a mark that its tag gives, one of
:data:`MARKS`. Two may share a mark: then a new frame is taken for one that was heard, and the device's next one asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from protocols.ble import bthome
from protocols.events import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.enrolment import DeviceKey
    from protocols.events import DeviceReport

EventKey = tuple[int, int, int]
"""Boot epoch, event sequence, stage."""

KNOWN_MAX: Final = 64
"""Event keys remembered per device."""
MARKS: Final = 4096
"""Frames of one event told apart: some hours of one whose wearer is told nothing."""
ASK_AGAIN_S: Final = 30.0
ANSWER_FOR_S: Final = 20.0
_UNTOLD: Final = frozenset({Told.NOTHING, Told.HEARD, Told.NOT_DELIVERED})


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """One opened frame.

    Attributes:
        report: what it says.
        frame: the service data, sealed as on the air.
        rssi: dBm.
        key: under which it was sealed.
    """

    report: DeviceReport
    frame: bytes
    rssi: int
    key: DeviceKey

    @property
    def order(self) -> tuple[int, int]:
        """Which of two frames is the later one: generation, counter."""
        return self.key.generation, self.report.counter


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of one event.

    Attributes:
        at: ticks when it was published last.
        heard: marks of the frames heard of it whose wearer was not told, as bits.
    """

    at: float
    heard: int = 0


@dataclass(frozen=True, slots=True)
class Device:
    """What is remembered of one device.

    Attributes:
        newest: :attr:`HeardFrame.order` of the latest since the gateway started.
        known: by the keys published, oldest first.
        left: the same of frames under a generation that the device had left: who lost its memory counts anew, and an
            alarm of now has the key of one of then.
    """

    newest: tuple[int, int] = (-1, -1)
    known: Mapping[EventKey, Known] = field(default_factory=lambda: MappingProxyType({}))
    left: Mapping[EventKey, Known] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Publish:
    """Hand this event to the hub."""

    heard: HeardFrame


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell the wearer that somebody hears them."""

    heard: HeardFrame


@dataclass(frozen=True, slots=True)
class Alive:
    """The device was there to make this frame: presence."""

    heard: HeardFrame


@dataclass(frozen=True, slots=True)
class Replayed:
    """A heartbeat whose counter was passed already: says nothing about the device."""

    heard: HeardFrame


Effect = Publish | Answer | Alive | Replayed


def remembering(keys: list[EventKey], *, now: float) -> Device:
    """A device of which these keys, oldest first, were published before the gateway last stopped."""
    return Device(known=MappingProxyType(dict.fromkeys(keys[-KNOWN_MAX:], Known(now))))


def decide(device: Device, heard: HeardFrame, *, now: float) -> tuple[Device, tuple[Effect, ...]]:
    """Take one frame; ``now`` in ticks."""
    order = heard.order
    fresh = order > device.newest
    newest = order if fresh else device.newest
    if heard.report.is_heartbeat:
        effects: tuple[Effect, ...] = (Alive(heard),) if fresh else (Replayed(heard),)
        return replace(device, newest=newest), effects
    if order[0] < device.newest[0]:
        left, asks = _noted(device.left, heard, fresh=False, now=now)
        return replace(device, left=left), (Publish(heard),) if asks else ()
    known, asks = _noted(device.known, heard, fresh=fresh, now=now)
    effects = (Publish(heard),) if asks else ()
    if fresh:
        effects += _signs_of_life(known, heard, now=now)
    return replace(device, newest=newest, known=known), effects


def key_of(report: DeviceReport) -> EventKey:
    return report.identity.epoch, report.identity.sequence, int(report.stage)


def key_in(event: str) -> EventKey | None:
    """The key in the envelope id of a device's event (see ``envelope.event_id``); None if it is no such id."""
    _, *numbers = event.split("-")
    try:
        epoch, sequence, stage = map(int, numbers)
    except ValueError:
        return None
    return epoch, sequence, stage


def _noted(
    known: Mapping[EventKey, Known], heard: HeardFrame, *, fresh: bool, now: float
) -> tuple[Mapping[EventKey, Known], bool]:
    """With this frame; also whether its event is to be published."""
    key, mark = key_of(heard.report), _mark(heard)
    before = known.get(key)
    if before is None:
        return _published(known, key, Known(now, mark)), True
    asks = mark != 0 and now - before.at >= ASK_AGAIN_S and (fresh or not before.heard & mark)
    if asks:
        return _published(known, key, Known(now, before.heard | mark)), True
    if before.heard | mark == before.heard:
        return known, False
    return MappingProxyType({**known, key: Known(before.at, before.heard | mark)}), False


def _mark(heard: HeardFrame) -> int:
    """One bit, which the frame's tag gives; none if its wearer was told, for such a frame never asks."""
    return 1 << int.from_bytes(heard.frame[-bthome.MIC_SIZE :], "little") % MARKS if heard.report.told in _UNTOLD else 0


def _published(known: Mapping[EventKey, Known], key: EventKey, published: Known) -> Mapping[EventKey, Known]:
    """With this one as the newest, and no more than there is room for."""
    newest = {other: each for other, each in known.items() if other != key}
    while len(newest) >= KNOWN_MAX:
        del newest[next(iter(newest))]
    newest[key] = published
    return MappingProxyType(newest)


def _signs_of_life(known: Mapping[EventKey, Known], heard: HeardFrame, *, now: float) -> tuple[Effect, ...]:
    untold = heard.report.told is Told.NOTHING and now - known[key_of(heard.report)].at < ANSWER_FOR_S
    return (Alive(heard), Answer(heard)) if untold else (Alive(heard),)
