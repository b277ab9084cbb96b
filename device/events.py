"""The events of a device: what each has come to, what the wearer was told of it, and whose turn on the air it is."""

from device.deadlines import soonest
from protocols.ble import layout

CAPACITY = 16
FRAMES_KEPT = 8
"""Counters kept of an event's last frames: a *heard* may answer any of them."""

FINAL = (layout.STAGE_CANCELLED, layout.STAGE_DURESS)
"""The two ends of an alarm on the device. Everything that can be seen treats them as one."""
_OPEN = (layout.STAGE_PRE_ALARM, layout.STAGE_ALARM)

TOLD_ORDER = {
    layout.TOLD_NOTHING: 0,
    layout.TOLD_HEARD: 1,
    layout.TOLD_NOT_DELIVERED: 2,
    layout.TOLD_STORED: 3,
    layout.TOLD_PERSON_HAS_IT: 4,
    layout.TOLD_HELP_SENT: 5,
    layout.TOLD_CLOSED: 6,
}
"""What the wearer is told of one stage only moves up this list."""


class Event:
    """One event in its present stage.

    Attributes:
        stage_ms: when the stage was reached.
        deadline_ms: when a pre-alarm becomes an alarm.
        told: ``layout.TOLD_*``, of the present stage.
        told_ms: when it was told.
        receipted: the hub has stored the present stage.
        discreet: no light and no sound may speak of it.
        frames: counters of the last frames that said the present stage, newest last.
        on_air_ms: when it last took the air.
        sealed_ms: when its last frame was made; -1 = never.
        fast_done: it has been on the air at the fast rate for as long as its stage asks.
    """

    def __init__(self, sequence: int, cause: int, stage: int, now_ms: int, window_ms: int) -> None:
        self.sequence = sequence
        self.cause = cause
        self.discreet = False
        self.deadline_ms = now_ms + window_ms
        self.move(stage, now_ms)

    def move(self, stage: int, now_ms: int) -> None:
        """Reach ``stage``; nothing has been said of it yet."""
        self.stage = stage
        self.stage_ms = self.told_ms = self.on_air_ms = now_ms
        self.told = layout.TOLD_NOTHING
        self.receipted = self.fast_done = False
        self.sealed_ms = -1
        self.frames: list[int] = []

    @property
    def is_open(self) -> bool:
        """A pre-alarm or alarm that neither the wearer nor the hub has ended."""
        return self.stage in _OPEN and not self.finished

    @property
    def finished(self) -> bool:
        """Nothing more is to be said of it on the air."""
        if self.stage == layout.STAGE_ALARM:
            return self.told == layout.TOLD_CLOSED
        return self.receipted and self.stage != layout.STAGE_PRE_ALARM

    @property
    def is_waiting(self) -> bool:
        """The hub is not known to have stored it."""
        return not self.receipted and not self.finished

    def tell(self, told: int, now_ms: int) -> None:
        """Tell the wearer, if that is news."""
        if TOLD_ORDER[told] > TOLD_ORDER[self.told]:
            self.told = told
            self.told_ms = now_ms

    def tell_stage(self, told: int, now_ms: int) -> None:
        """What the hub says of an incident. Whoever cancelled sees a cancelled alarm, whatever becomes of it."""
        if self.stage not in FINAL:
            self.tell(told, now_ms)

    def receipt(self, stage: int, now_ms: int) -> None:
        """The hub has stored ``stage``; an earlier one's receipt does not speak for the present one."""
        if stage == self.stage:
            self.receipted = True
            self.tell(layout.TOLD_STORED, now_ms)

    def not_delivered_at(self, after_ms: int) -> "int | None":
        """When the wearer has to be told that nothing came through; ``None`` = there is no such moment ahead."""
        return self.stage_ms + after_ms if self.told in (layout.TOLD_NOTHING, layout.TOLD_HEARD) else None

    def repeat(self, now_ms: int) -> None:
        """It happened again: back to the fast rate."""
        self.on_air_ms = now_ms
        self.fast_done = False

    def sent(self, counter: int, now_ms: int) -> None:
        """A frame with ``counter`` now says it."""
        self.sealed_ms = now_ms
        self.frames.append(counter)
        if len(self.frames) > FRAMES_KEPT:
            self.frames.pop(0)


def worth(event: Event) -> int:
    """What is given up first when there are too many: the finished, then notices, then cancels."""
    if event.finished:
        return 0
    if event.stage == layout.STAGE_NOTICE:
        return 1
    return 2 if event.stage == layout.STAGE_CANCELLED else 3


def group(event: Event) -> int:
    """Alarms and what became of them go before pre-alarms, those before notices."""
    if event.stage == layout.STAGE_NOTICE:
        return 2
    return 1 if event.stage == layout.STAGE_PRE_ALARM else 0


def _priority(event: Event) -> int:
    if event.fast_done:
        return 2
    return 0 if event.stage == layout.STAGE_ALARM or event.cause == layout.CAUSE_CHECK_IN else 1


class Queue:
    """The last events, oldest first. An alarm or pre-alarm that is open is never given up."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) > CAPACITY:
            self.events.remove(min(self.events, key=worth))

    def find(self, sequence: int) -> "Event | None":
        for event in self.events:
            if event.sequence == sequence:
                return event
        return None

    def sent(self, counter: int) -> "Event | None":
        """Whose present stage the frame ``counter`` said."""
        for event in self.events:
            if counter in event.frames:
                return event
        return None

    def give_up_hope(self, after_ms: int, now_ms: int) -> None:
        """Tell of every event that was not stored in time."""
        for event in self.events:
            at = event.not_delivered_at(after_ms)
            if at is not None and at <= now_ms:
                event.tell(layout.TOLD_NOT_DELIVERED, at)

    def hope_ends_ms(self, after_ms: int) -> "int | None":
        """When :meth:`give_up_hope` has something to tell next."""
        return soonest([event.not_delivered_at(after_ms) for event in self.events])

    def newest(self) -> "Event | None":
        return self.events[-1] if self.events else None

    def open(self) -> "list[Event]":
        return [event for event in self.events if event.is_open]

    def ongoing(self, cause: int) -> "Event | None":
        """An open event that a new one of the same ``cause`` would only repeat."""
        for event in self.open():
            if event.cause == cause and (event.is_waiting or event.stage == layout.STAGE_PRE_ALARM):
                return event
        return None

    def promotion(self) -> "Event | None":
        """The pre-alarm that becomes an alarm first."""
        waiting = [event for event in self.events if event.is_open and event.stage == layout.STAGE_PRE_ALARM]
        return min(waiting, key=lambda event: event.deadline_ms) if waiting else None

    def tell_stage(self, event: Event, told: int, now_ms: int) -> None:
        """What the hub says of the incident that ``event`` belongs to.

        Closing it closes what came before and was stored, too: the open alarms of one wearer are one incident, and the
        hub speaks of the newest.
        """
        event.tell_stage(told, now_ms)
        if told != layout.TOLD_CLOSED:
            return
        for earlier in self.events[: self.events.index(event)]:
            if earlier.is_open and earlier.receipted:
                earlier.tell_stage(told, now_ms)

    def turn(self, staying: "Event | None") -> "Event | None":
        """Whose turn on the air it is; ``None`` = a heartbeat's.

        Alarms not yet receipted, then pre-alarms, then notices. In a group the oldest has the air until its fast time
        is over; those that had theirs take turns, for a receipt that never comes must not silence the next event.
        With nothing to deliver, an open alarm stays on the air.

        Args:
            staying: who may not be replaced by another that merely waits its turn.
        """

        def order(event: Event) -> "tuple[int, int, int, int]":
            waited = event.sealed_ms if event.fast_done and event is not staying else -1
            return group(event), _priority(event), waited, self.events.index(event)

        waiting = [event for event in self.events if event.is_waiting]
        if waiting:
            return min(waiting, key=order)
        still = self.open()
        return still[-1] if still else None
