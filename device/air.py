"""What is on the air: whose turn, said how, since when. A new frame at every change of content and at every refresh."""

from device import plan
from device.events import FINAL, Event, Queue
from device.frames import Frames
from device.settings import Settings
from device.status import Status
from protocols.ble import layout


class Air:
    """Attributes: ``event`` on the air (``None``: a heartbeat) and ``service_data``, the frame that says it."""

    def __init__(self, frames: Frames, settings: Settings) -> None:
        self._frames = frames
        self._settings = settings
        self._said = b""
        self._frame_ms = 0
        self.event: Event | None = None
        self.service_data = b""

    def settle(self, queue: Queue, status: Status, now_ms: int) -> None:
        """Let the right event speak, and make a new frame if the present one no longer says it or grew old."""
        stale = not self.service_data or now_ms >= self._refresh_ms()
        self._slow_down(now_ms)
        self._take_turn(queue.turn(None if stale else self.event), now_ms)
        saying = bytes((status.battery,)) + self._raw(queue, status, age_s=0)
        if stale or saying != self._said:
            self._said = saying
            self._seal(queue, status, now_ms)

    def renew(self) -> None:
        """The present frame is no longer good: the next :meth:`settle` makes a new one."""
        self.service_data = b""

    def _refresh_ms(self) -> int:
        return self._frame_ms + plan.refresh_ms(self._settings, self.event)

    def _slow_down(self, now_ms: int) -> None:
        event = self.event
        if event is not None and now_ms >= plan.fast_until_ms(self._settings, event):
            event.fast_done = True

    def _take_turn(self, event: "Event | None", now_ms: int) -> None:
        if event is not None and event is not self.event:
            event.on_air_ms = now_ms
        self.event = event

    def _seal(self, queue: Queue, status: Status, now_ms: int) -> None:
        event = self.event
        age_s = 0 if event is None else (now_ms - event.stage_ms) // 1000
        raw = self._raw(queue, status, age_s)
        counter, self.service_data = self._frames.seal(status.battery, _button(event), raw)
        self._frame_ms = now_ms
        if event is not None:
            event.sent(counter, now_ms)

    def _raw(self, queue: Queue, status: Status, age_s: int) -> bytes:
        """Our seven bytes. A heartbeat carries the newest event's sequence and what was told of it."""
        event = self.event
        of = event or queue.newest()
        return layout.pack(
            epoch=self._frames.epoch,
            sequence=0 if of is None else of.sequence,
            cause=layout.CAUSE_HEARTBEAT if event is None else event.cause,
            stage=layout.STAGE_NOTICE if event is None else event.stage,
            age=age_s,
            told=layout.TOLD_NOTHING if of is None else of.told,
            not_worn=not status.worn,
            charging=status.charging,
            fault=status.fault,
        )

    def interval_ms(self) -> int:
        return plan.interval_ms(self._settings, self.event)

    def next_ms(self) -> int:
        """When to settle again at the latest."""
        event = self.event
        if event is None or event.fast_done:
            return self._refresh_ms()
        return min(self._refresh_ms(), plan.fast_until_ms(self._settings, event))


def _button(event: "Event | None") -> int:
    if event is None or event.stage in FINAL:
        return layout.BUTTON_NONE
    return layout.BUTTON_OF_CAUSE.get(event.cause, layout.BUTTON_NONE)
