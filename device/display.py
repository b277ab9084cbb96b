"""What can be seen, heard and felt at a moment. Reads, decides nothing.

A discreet event has the vibration alone; light and sound go on as if it were not there, down to the battery's blink.
"""

from device import language
from device.calls import Calls
from device.deadlines import soonest
from device.events import FINAL, Event, Queue
from device.settings import Settings
from device.status import Status
from protocols.ble import layout

_WEARERS_OWN = (layout.CAUSE_TEST, layout.CAUSE_CHECK_IN)
"""Notices the wearer gave and waits to hear of; the others are the device's own business."""


class Scene:
    """Pattern names of ``device/language.py``, and when time alone changes them next (``None`` = it does not)."""

    def __init__(self, led: str, buzzer: str, vibration: str, until_ms: "int | None") -> None:
        self.led = led
        self.buzzer = buzzer
        self.vibration = vibration
        self.until_ms = until_ms


def shown_until(event: Event, settings: Settings) -> "int | None":
    """When ``event`` stops being shown; ``None`` = it has not ended yet."""
    if event.stage in FINAL:
        return None if event.told == layout.TOLD_NOT_DELIVERED else event.stage_ms + settings.shown_ms
    return event.told_ms + settings.shown_ms if event.finished else None


def pattern_of(event: Event, settings: Settings, now_ms: int) -> str:
    """What ``event`` wants to show."""
    until = shown_until(event, settings)
    if until is not None and now_ms >= until:
        return language.OFF
    if event.stage == layout.STAGE_NOTICE and event.cause not in _WEARERS_OWN:
        return language.OFF
    if event.stage == layout.STAGE_PRE_ALARM:
        return language.PRE_ALARM
    if event.stage in FINAL and event.told != layout.TOLD_NOT_DELIVERED:
        return language.CANCELLED
    return language.OF_TOLD[event.told]


def _urgency(event: Event) -> int:
    if event.stage == layout.STAGE_PRE_ALARM:
        return 2
    return 1 if event.is_open else 0


def _foremost(events: "list[Event]", settings: Settings, now_ms: int) -> "Event | None":
    best = None
    for event in events:
        visible = pattern_of(event, settings, now_ms) != language.OFF
        if visible and (best is None or _urgency(event) >= _urgency(best)):
            best = event
    return best


def _pattern(events: "list[Event]", calls: Calls, status: Status, settings: Settings, now_ms: int) -> str:
    event = _foremost(events, settings, now_ms)
    if event is not None and event.stage == layout.STAGE_PRE_ALARM:
        return language.PRE_ALARM
    wanted = calls.pattern(now_ms)
    if wanted != language.OFF:
        return wanted
    return status.pattern() if event is None else pattern_of(event, settings, now_ms)


def _until(queue: Queue, calls: Calls, settings: Settings, now_ms: int) -> "int | None":
    ends = [shown_until(event, settings) for event in queue.events]
    return soonest([end for end in ends + calls.ends() if end is not None and end > now_ms])


def scene(queue: Queue, calls: Calls, status: Status, settings: Settings, now_ms: int) -> Scene:
    seen = [event for event in queue.events if not event.discreet]
    loud = _pattern(seen, calls, status, settings, now_ms)
    felt = _pattern(queue.events, calls, status, settings, now_ms)
    led = loud if loud in language.LED else language.OFF
    buzzer = loud if loud in language.BUZZER else language.OFF
    if buzzer == language.OFF:
        buzzer = calls.sound(now_ms)
    vibration = felt if felt in language.VIBRATION else language.OFF
    return Scene(led, buzzer, vibration, _until(queue, calls, settings, now_ms))
