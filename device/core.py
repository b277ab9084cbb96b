"""The personal alarm. The only place that decides: every input ends in one of the two tables below.

Time is a monotonic integer of milliseconds, given with every input. After an input, ``Core.output`` is what to send and
to show, and ``Core.next_ms`` when to call :meth:`Core.step` at the latest.
"""

from device import display, gestures, plan
from device.air import Air
from device.calls import Calls
from device.deadlines import soonest
from device.detector import Detector
from device.downlink import Acceptance, Message, Refused
from device.events import Event, Queue
from device.frames import Frames
from device.keys import Keys
from device.output import Output
from device.ports import Block, Store
from device.settings import Settings
from device.status import Status
from protocols.ble import downlink, layout

IDLE = 0
ASKED = 1  # the hub asked "are you all right?"
PRE_ALARM = 2  # at least one pre-alarm runs
ALARM = 3  # at least one alarm is open, no pre-alarm runs

RAISE = 0  # a new event of this cause
MOVE = 1  # every open event to this stage
HUSH = 2  # the same, and from now on without light and sound

GESTURES = {
    (IDLE, gestures.SINGLE): (RAISE, layout.CAUSE_TEST),
    (IDLE, gestures.DOUBLE): (RAISE, layout.CAUSE_CHECK_IN),
    (IDLE, gestures.TRIPLE): (RAISE, layout.CAUSE_DISCREET_PANIC),
    (IDLE, gestures.LONG): (RAISE, layout.CAUSE_PANIC),
    (ASKED, gestures.SINGLE): (RAISE, layout.CAUSE_CHECK_IN),
    (ASKED, gestures.DOUBLE): (RAISE, layout.CAUSE_CHECK_IN),
    (ASKED, gestures.TRIPLE): (RAISE, layout.CAUSE_DISCREET_PANIC),
    (ASKED, gestures.LONG): (RAISE, layout.CAUSE_PANIC),
    (PRE_ALARM, gestures.SINGLE): (MOVE, layout.STAGE_CANCELLED),
    (PRE_ALARM, gestures.DOUBLE): (MOVE, layout.STAGE_DURESS),
    (PRE_ALARM, gestures.TRIPLE): (HUSH, layout.STAGE_ALARM),
    (PRE_ALARM, gestures.LONG): (MOVE, layout.STAGE_ALARM),
    (ALARM, gestures.SINGLE): (MOVE, layout.STAGE_CANCELLED),
    (ALARM, gestures.DOUBLE): (MOVE, layout.STAGE_DURESS),
    (ALARM, gestures.TRIPLE): (RAISE, layout.CAUSE_DISCREET_PANIC),
    (ALARM, gestures.LONG): (RAISE, layout.CAUSE_PANIC),
}
"""(situation, gesture) -> what is done. Cancelling an alarm that went out only tells the hub; it ends nothing there."""

STAGES = {
    layout.STAGE_NOTICE: (),
    layout.STAGE_PRE_ALARM: (layout.STAGE_ALARM, layout.STAGE_CANCELLED, layout.STAGE_DURESS),
    layout.STAGE_ALARM: (layout.STAGE_CANCELLED, layout.STAGE_DURESS),
    layout.STAGE_CANCELLED: (),
    layout.STAGE_DURESS: (),
}
"""stage -> the stages that may follow. A pre-alarm becomes an alarm by itself at its deadline."""


class Core:
    """One device.

    Attributes:
        output: what to send and to show.
        next_ms: when to call :meth:`step` at the latest.
        refused: how many downlinks and alerts were not believed, by reason.
        sequence: of the newest event of this start; 0 = none yet.
    """

    def __init__(
        self, block: Block, key: bytes, address: bytes, store: Store, settings: "Settings | None" = None
    ) -> None:
        """``key``: the root key, 16 bytes; ``address``: six bytes, most significant first."""
        self.settings = settings or Settings()
        self.output = Output()
        self.next_ms = 0
        self.refused: dict[str, int] = {}
        self.sequence = 0
        self._started = False
        self._queue = Queue()
        self._status = Status(self.settings)
        self._calls = Calls(self.settings)
        self._keys = Keys(block, key)
        self._frames = Frames(self._keys, address, store)
        self._air = Air(self._frames, self.settings)
        self._acceptance = Acceptance(self._keys, address)
        self._gestures = gestures.Gestures(self.settings)
        self._detector = Detector(self.settings)

    @property
    def epoch(self) -> int:
        return self._frames.epoch

    @property
    def generation(self) -> int:
        """Of the working key."""
        return self._keys.generation

    @property
    def cause(self) -> int:
        """Of the event on the air; of the newest one when a heartbeat is."""
        event = self._event
        return layout.CAUSE_HEARTBEAT if event is None else event.cause

    @property
    def stage(self) -> int:
        event = self._event
        return layout.STAGE_NOTICE if event is None else event.stage

    @property
    def told(self) -> int:
        event = self._event
        return layout.TOLD_NOTHING if event is None else event.told

    @property
    def _event(self) -> "Event | None":
        return self._air.event or self._queue.newest()

    # Inputs

    def start(self, now_ms: int) -> None:
        """Count the start, take the air. Whatever came before (battery, worn) is already said in the first frame."""
        self._frames.start()
        self._detector.moved(now_ms)
        self._started = True
        self._settle(now_ms)

    def step(self, now_ms: int) -> None:
        """Do what is due."""
        self._run(now_ms)
        self._settle(now_ms)

    def button(self, down: bool, now_ms: int) -> None:  # noqa: FBT001 - an edge is up or down
        self._run(now_ms)
        self._gestures.button(down, now_ms)
        self._detector.moved(now_ms)
        self.step(now_ms)

    def motion(self, x: int, y: int, z: int, now_ms: int) -> None:
        """One sample of the accelerometer in milli-g, at any rate from 25 Hz."""
        if now_ms >= self.next_ms:
            self.step(now_ms)
        if self._detector.motion(x, y, z, now_ms) and not self._status.charging:
            self._raise(layout.CAUSE_FALL, now_ms)
            self._settle(now_ms)

    def battery(self, percent: int, now_ms: int) -> None:
        self._run(now_ms)
        self._status.battery = min(100, max(0, percent))
        self._judge_battery(now_ms)
        self._settle(now_ms)

    def charging(self, on: bool, now_ms: int) -> None:  # noqa: FBT001 - a state of a pin
        self._run(now_ms)
        self._status.charging = on
        self._judge_battery(now_ms)
        self._watch_motion(now_ms)
        self._settle(now_ms)

    def worn(self, is_worn: bool, now_ms: int) -> None:  # noqa: FBT001 - a state of a sensor
        self._run(now_ms)
        taken_off = self._status.worn and not is_worn
        self._status.worn = is_worn
        self._watch_motion(now_ms)
        if taken_off:
            self._raise(layout.CAUSE_REMOVED, now_ms)
        self._settle(now_ms)

    def tamper(self, now_ms: int) -> None:
        self._run(now_ms)
        self._raise(layout.CAUSE_TAMPER, now_ms)
        self._settle(now_ms)

    def self_test(self, passed: bool, now_ms: int) -> None:  # noqa: FBT001 - it passed or it did not
        self._run(now_ms)
        self._status.test_failed = not passed
        self._settle(now_ms)

    def downlink(self, value: bytes, now_ms: int) -> bool:
        """Bytes written to GATT's DOWNLINK. False: not believed, and counted in ``refused``."""
        self._run(now_ms)
        try:
            message = self._acceptance.take(bytes(value), self.epoch, self._queue)
            if message is not None:
                self._believe(message, now_ms)
        except Refused as refusal:
            self._refuse(refusal.reason)
            accepted = False
        else:
            accepted = True
        self._settle(now_ms)
        return accepted

    def alert(self, level: int, now_ms: int) -> None:
        """Immediate Alert: anybody may write it, so it may make a sound and nothing else."""
        self._run(now_ms)
        if not self._calls.alert(level, now_ms):
            self._refuse("alert")
        self._settle(now_ms)

    # Decisions

    def _run(self, now_ms: int) -> None:
        """Everything that was due by now, in the order in which it was due."""
        due = self._due_ms()
        while due is not None and due <= now_ms:
            self._fire(due)
            due = self._due_ms()

    def _due_ms(self) -> "int | None":
        promotion = self._queue.promotion()
        promotion_ms = None if promotion is None else promotion.deadline_ms
        return soonest([self._gestures.next_ms(), promotion_ms, self._detector.next_ms()])

    def _fire(self, due_ms: int) -> None:
        promotion = self._queue.promotion()
        if self._gestures.next_ms() == due_ms:
            self._gesture(self._gestures.take(), due_ms)
        elif promotion is not None and promotion.deadline_ms == due_ms:
            self._move(layout.STAGE_ALARM, due_ms, promotion)
        else:
            self._detector.reported()
            self._raise(layout.CAUSE_NO_MOTION, due_ms)

    def _situation(self, now_ms: int) -> int:
        stages = [event.stage for event in self._queue.open()]
        if layout.STAGE_PRE_ALARM in stages:
            return PRE_ALARM
        if stages:
            return ALARM
        return ASKED if self._calls.asks(now_ms) else IDLE

    def _gesture(self, gesture: int, now_ms: int) -> None:
        if gesture == gestures.NONE:
            return
        verb, what = GESTURES[self._situation(now_ms), gesture]
        self._calls.answered()
        if verb == RAISE:
            self._raise(what, now_ms)
            return
        for event in self._queue.open():
            event.discreet = event.discreet or self._hushed(verb == HUSH)
            self._move(what, now_ms, event)

    def _move(self, stage: int, now_ms: int, event: Event) -> None:
        if stage in STAGES[event.stage]:
            event.move(stage, now_ms)

    def _raise(self, cause: int, now_ms: int) -> None:
        """A new event; or, while the same is still on its way to the hub, its fast repeats once more."""
        ongoing = self._queue.ongoing(cause)
        if ongoing is not None:
            ongoing.repeat(now_ms)
            return
        self.sequence = self.sequence % 0xFFFF + 1
        stage, window_ms = plan.beginning(self.settings, cause)
        event = Event(self.sequence, cause, stage, now_ms, window_ms)
        event.discreet = self._hushed(cause == layout.CAUSE_DISCREET_PANIC)
        self._queue.add(event)

    def _hushed(self, wanted: bool) -> bool:  # noqa: FBT001 - one condition of two
        return wanted and bool(self.settings.discreet_silent)

    def _judge_battery(self, now_ms: int) -> None:
        if self._status.became_low():
            self._raise(layout.CAUSE_LOW_BATTERY, now_ms)

    def _watch_motion(self, now_ms: int) -> None:
        self._detector.watch(self._status.worn and not self._status.charging, now_ms)

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def _believe(self, message: Message, now_ms: int) -> None:
        if message.kind == downlink.KIND_REKEY:
            self._rekey(message.sequence)
            return
        event = self._queue.find(message.sequence)
        if message.kind == downlink.KIND_COMMAND:
            self._calls.command(message.code, message.argument, now_ms)
        elif event is None:
            return
        elif message.kind == downlink.KIND_HEARD:
            event.tell(layout.TOLD_HEARD, now_ms)
        elif message.kind == downlink.KIND_RECEIPT:
            event.receipt(message.code, now_ms)
        else:
            self._queue.tell_stage(event, message.code, now_ms)

    def _rekey(self, generation: int) -> None:
        if not self._frames.rekey(generation):
            raise Refused("store")
        self._air.renew()

    # Outputs

    def _settle(self, now_ms: int) -> None:
        """Bring the outputs in line with the state."""
        if not self._started:
            return
        after_ms = self.settings.not_delivered_ms
        self._queue.give_up_hope(after_ms, now_ms)
        self._air.settle(self._queue, self._status, now_ms)
        self._status.store_failed = self._frames.failing
        scene = display.scene(self._queue, self._calls, self._status, self.settings, now_ms)
        self.output.publish(self._air, scene)
        self.next_ms = self._air.next_ms()
        later = soonest([self._due_ms(), self._queue.hope_ends_ms(after_ms), scene.until_ms])
        if later is not None:
            self.next_ms = min(self.next_ms, later)
