"""How an event begins, how often it is advertised and said anew. Nothing here tells a cancel from a duress."""

from device.events import Event
from device.settings import Settings
from protocols.ble import layout

NOTICES = (layout.CAUSE_CHECK_IN, layout.CAUSE_LOW_BATTERY, layout.CAUSE_TEST)
"""Causes that never are an alarm; so is REMOVED, unless ``Settings.removed_alarms``."""


def beginning(settings: Settings, cause: int) -> "tuple[int, int]":
    """The first stage of an event and, for a pre-alarm, the milliseconds in which it can be cancelled."""
    if cause in NOTICES or (cause == layout.CAUSE_REMOVED and not settings.removed_alarms):
        return layout.STAGE_NOTICE, 0
    windows = {
        layout.CAUSE_PANIC: settings.panic_prealarm_ms,
        layout.CAUSE_FALL: settings.prealarm_fall_ms,
        layout.CAUSE_NO_MOTION: settings.prealarm_no_motion_ms,
        layout.CAUSE_REMOVED: settings.prealarm_removed_ms,
    }
    window_ms = windows.get(cause, 0)
    return (layout.STAGE_PRE_ALARM if window_ms else layout.STAGE_ALARM), window_ms


def interval_ms(settings: Settings, event: "Event | None") -> int:
    """Between two advertisements of ``event`` (``None``: of a heartbeat)."""
    if event is None or not event.is_waiting:
        return settings.idle_interval_ms
    if event.stage == layout.STAGE_NOTICE:
        return settings.idle_interval_ms if event.fast_done else settings.notice_interval_ms
    return settings.alarm_slow_interval_ms if event.fast_done else settings.alarm_interval_ms


def refresh_ms(settings: Settings, event: "Event | None") -> int:
    """Between two frames that say the same."""
    return settings.refresh_every_ms if event is not None and event.is_waiting else settings.heartbeat_every_ms


def fast_until_ms(settings: Settings, event: Event) -> int:
    """When ``event``, on the air since ``event.on_air_ms``, slows down."""
    notice = event.stage == layout.STAGE_NOTICE
    return event.on_air_ms + (settings.not_delivered_ms if notice else settings.alarm_fast_ms)
