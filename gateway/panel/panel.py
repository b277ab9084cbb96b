"""The panel, driven by a thread of its own: neither Bluetooth nor a slow disk holds up the button.

What other threads say is left in a queue. A panel whose pins fail is a fault that the hub hears of, and is tried again;
the gateway goes on hearing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

import structlog

from gateway.domain import button, loop, panel
from gateway.domain.button import Gesture
from gateway.domain.panel import (
    Kept,
    Lamp,
    Light,
    Looked,
    Overheard,
    Pressed,
    PressedTooShort,
    Receipted,
    Staged,
    Testing,
)
from gateway.domain.wired import button_event
from gateway.panel.port import PinsError
from protocols.mqtt.envelope import ButtonSign, PanelData, PanelFault, PanelTold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.domain.moment import Moment
    from gateway.domain.outgoing import Outgoing, Speaker
    from gateway.panel.port import Pins
    from gateway.settings import PanelSettings
    from protocols.events import DeviceReport
    from protocols.mqtt.envelope import StageData

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Arm:
    """Somebody at the gateway wants to test the button.

    Attributes:
        at: since when, in ticks.
    """

    at: float


LOOK_EVERY_S: Final = 0.5
TRY_AGAIN_S: Final = 30.0
STILL_AFTER_S: Final = 15.0
"""Without a turn that came to its end for so long it is a fault."""


class WallPanel:
    """One panel. :meth:`step` and :meth:`close` are for one thread, everything else for any.

    One that is not enabled takes nothing and says nothing; its step need not be called.

    Args:
        settings: what there is, and how it is wired.
        speaker: who we are.
        open_pins: opens the pins; may raise :class:`PinsError`.
        look: how the gateway stands.
        hand_over: takes events for the hub.
        waiting: ids of the button's alarms that an earlier run left without a receipt, oldest first.
        now: the start.

    Attributes:
        woken: set when there is something to do.
        raised: events of the button since the start, by sign.
        failures: how often the pins failed.
    """

    def __init__(
        self,
        settings: PanelSettings,
        speaker: Speaker,
        *,
        open_pins: Callable[[], Pins],
        look: Callable[[Moment], panel.Facts],
        hand_over: Callable[[Outgoing], None],
        waiting: Iterable[str] = (),
        now: Moment,
    ) -> None:
        self._settings = settings
        self._speaker = speaker
        self._open_pins = open_pins
        self._look = look
        self._hand_over = hand_over
        self._numbers = count(1)
        self._inbox: SimpleQueue[panel.Event | _Arm | tuple[bool, float]] = SimpleQueue()
        self._button = button.Button()
        self._loop = loop.Loop()
        self._panel = _beginning(settings, waiting, now)
        self._faults: dict[str, str] = {}
        self._pins: Pins | None = None
        self._shown: dict[Lamp, Light] = {}
        self._try_at = self._turned = now.ticks
        self.woken = threading.Event()
        self.raised: dict[str, int] = dict.fromkeys(ButtonSign, 0)
        self.failures = 0

    def faults(self, now: Moment) -> int:
        """How many things are wrong with it."""
        return len(self._wrong(now))

    def standing(self, now: Moment) -> PanelData | None:
        """For the gateway's status; None where there is no panel."""
        if not self._settings.enabled:
            return None
        lamps = {lamp.value: light.value for lamp, light in dict(self._shown).items()}
        state = self._panel
        return PanelData(faults=self._wrong(now), event=state.event, told=state.told, lamps=lamps)

    def _wrong(self, now: Moment) -> dict[str, str]:
        """Said by other threads, too: a panel whose own hangs can't say so itself."""
        wrong = dict(self._faults)
        if self._settings.enabled and now.ticks - self._turned > STILL_AFTER_S:
            wrong.setdefault(PanelFault.UNUSABLE, "the panel stands still, its button is dead: see the gateway's log")
        return wrong

    def edge(self, pressed: bool, now: Moment) -> None:  # noqa: FBT001 - an edge is one or the other
        """The button's contact changed."""
        self._leave((pressed, now.ticks))

    def test(self, now: Moment) -> str | None:
        """Begin test mode; what is against it, None = nothing."""
        if not self._settings.enabled or self._settings.button_pin is None:
            return "This gateway has no button on its panel"
        if not panel.may_test(self._panel):
            return "An alarm or a test of this button is under way: close it at the hub first"
        if self._pins is None:
            return "The panel can't be used: see the gateway's log"
        self._leave(_Arm(now.ticks))
        return None

    @property
    def is_anxious(self) -> bool:
        """An alarm of the button is neither written nor receipted: each moment counts."""
        return bool(self._panel.unkept)

    def kept(self, event: str) -> None:
        """An event of the button is on the disk."""
        self._leave(Kept(event))

    def receipted(self, event: str) -> None:
        """The hub has committed an event, whoever's."""
        self._leave(Receipted(event))

    def staged(self, stage: StageData) -> None:
        """The hub says how far an alarm of the button has come."""
        self._leave(Staged(stage.event, stage.told))

    def overheard(self, report: DeviceReport) -> None:
        """A new frame of a device."""
        if self._settings.show_devices:
            self._leave(Overheard(report))

    def _leave(self, item: panel.Event | _Arm | tuple[bool, float]) -> None:
        if self._settings.enabled:
            self._inbox.put(item)
            self.woken.set()

    def step(self, now: Moment) -> float:
        """A bounded piece of work; returns when the next is due, in ticks."""
        self._take(now)
        self._decide(Looked(self._look(now)), now)
        try:
            self._touch(now)
        except PinsError as failure:
            self._fail(failure, now)
        self._turned = now.ticks
        return self._next_due(now)

    def close(self) -> None:
        """All lamps go dark."""
        if self._pins is not None:
            try:
                self._pins.close()
            except PinsError as failure:
                log.warning("panel", error=str(failure))
            self._pins = None

    def _take(self, now: Moment) -> None:
        for _ in range(self._inbox.qsize()):
            try:
                item = self._inbox.get_nowait()
            except Empty:
                return
            if isinstance(item, tuple):
                self._press(item[1], now, pressed=item[0])
            elif isinstance(item, _Arm):
                self._arm(item.at)
            else:
                self._decide(item, now)

    def _arm(self, at: float) -> None:
        if panel.may_test(self._panel):
            self._button = button.arm(self._button, now=at)
            log.info("test mode: the next hold is a test", button=self._settings.button, for_s=button.TEST_FOR_S)

    def _touch(self, now: Moment) -> None:
        """Read the pins, for an edge may get lost, and show what is to be shown."""
        pins = self._opened(now)
        if pins is None:
            self._press(now.ticks, now, pressed=None)
            return
        self._press(now.ticks, now, pressed=pins.is_pressed())
        self._watch_loop(now, is_cut=pins.is_cut())
        self._decide(Testing(button.is_armed(self._button, now=now.ticks)), now)
        for lamp, light in panel.display(self._panel, now=now.ticks).items():
            if self._shown.get(lamp) is not light:
                pins.show(lamp, light)
                self._shown[lamp] = light

    def _opened(self, now: Moment) -> Pins | None:
        if self._pins is None and now.ticks >= self._try_at:
            self._pins = self._open_pins()
            self._shown.clear()
            self._mend(PanelFault.UNUSABLE)
        return self._pins

    def _fail(self, failure: PinsError, now: Moment) -> None:
        """Said, counted, and tried again later."""
        log.error("panel unusable", setting=failure.setting, problem=failure.problem, remedy=failure.remedy)
        self.failures += 1
        self._faults[PanelFault.UNUSABLE] = str(failure)
        self._try_at = now.ticks + TRY_AGAIN_S
        self._shown.clear()
        self.close()

    def _press(self, at: float, now: Moment, *, pressed: bool | None) -> None:
        """The contact at ``at``; None = nothing is known of it but that time passes."""
        hold_s = self._settings.hold_s
        self._button, gestures = button.decide(self._button, hold_s=hold_s, now=at, down=pressed)
        for gesture in gestures:
            self._gesture(gesture, now)

    def _gesture(self, gesture: Gesture, now: Moment) -> None:
        if gesture in {Gesture.HELD, Gesture.HAMMERED}:
            self._raise(ButtonSign.DISCREET_PANIC if self._settings.discreet else ButtonSign.PANIC, now)
        elif gesture is Gesture.TESTED:
            self._raise(ButtonSign.TEST, now)
        elif gesture is Gesture.TOO_SHORT:
            self._decide(PressedTooShort(), now)
        elif gesture is Gesture.WENT_STUCK:
            self._fault(
                PanelFault.BUTTON_STUCK, f"button {self._settings.button} is held down, or its contact is stuck"
            )
        else:
            self._mend(PanelFault.BUTTON_STUCK)

    def _watch_loop(self, now: Moment, *, is_cut: bool) -> None:
        self._loop, changes = loop.decide(self._loop, now=now.ticks, is_open=is_cut)
        for change in changes:
            if change is loop.Change.MENDED:
                self._mend(PanelFault.CABLE_CUT)
                continue
            self._fault(PanelFault.CABLE_CUT, f"the cable of button {self._settings.button} is cut or its box is open")
            if self._settings.loop_cut == "alarm":
                self._raise(ButtonSign.TAMPER, now)

    def _fault(self, fault: PanelFault, detail: str) -> None:
        log.error("panel", fault=fault, detail=detail)
        self._faults[fault] = detail

    def _mend(self, fault: PanelFault) -> None:
        if self._faults.pop(fault, None) is not None:
            log.info("panel", mended=fault)

    def _raise(self, sign: ButtonSign, now: Moment) -> None:
        """First on its way, then shown."""
        event = button_event(self._speaker, self._settings.button, sign, number=next(self._numbers), now=now)
        self._hand_over(event)
        self.raised[sign] += 1
        log.info("button", button=self._settings.button, number=event.id)
        self._decide(Pressed(event.id, is_test=sign is ButtonSign.TEST), now)

    def _decide(self, event: panel.Event | None, now: Moment) -> None:
        self._panel, tunes = panel.decide(self._panel, event, now=now.ticks)
        for tune in tunes:
            self._sound(tune, now)

    def _sound(self, tune: panel.Tune, now: Moment) -> None:
        if self._pins is None:
            return
        try:
            self._pins.sound(tune)
        except PinsError as failure:
            self._fail(failure, now)

    def _next_due(self, now: Moment) -> float:
        due = [
            button.next_due(self._button, hold_s=self._settings.hold_s),
            loop.next_due(self._loop),
            panel.next_due(self._panel, now=now.ticks),
        ]
        return min(at for at in (*due, now.ticks + LOOK_EVERY_S) if at is not None)


def _beginning(settings: PanelSettings, waiting: Iterable[str], now: Moment) -> panel.Panel:
    """What an earlier run left without a receipt is shown as such."""
    found = dict.fromkeys(waiting, now.ticks)
    event = next(reversed(found), None)
    told = None if event is None else PanelTold.WAITING
    return panel.Panel(now.ticks, discreet=settings.discreet, waiting=found, event=event, told=told)
