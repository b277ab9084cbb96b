"""The panel on virtual time, with pins that remember."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.domain.outgoing import Rank
from gateway.domain.panel import Facts, Lamp, Light, Tune
from gateway.panel.panel import WallPanel
from gateway.panel.port import PinsError
from gateway.settings import PanelSettings
from protocols.events import Cause, DeviceReport, Stage, Told
from protocols.ids import EventIdentity
from protocols.mqtt.envelope import ButtonData, ButtonSign, EventEnvelope, PanelData, PanelFault, PanelTold, StageData
from tests.gateway.air import ADDRESS, SPEAKER, Time

if TYPE_CHECKING:
    from gateway.domain.outgoing import Outgoing

WELL = Facts(hearing=True, connected=True, hub_online=True)


class Pins:
    """Stands where :class:`gateway.panel.pins.GpioPins` stands."""

    def __init__(self) -> None:
        self.lights: dict[Lamp, Light] = {}
        self.tunes: list[Tune] = []
        self.pressed = self.cut = self.broken = self.closed = False
        self.opened = 0

    def open(self) -> Pins:
        self._check()
        self.opened += 1
        return self

    def show(self, lamp: Lamp, light: Light) -> None:
        self._check()
        self.lights[lamp] = light

    def sound(self, tune: Tune) -> None:
        self._check()
        self.tunes.append(tune)

    def is_pressed(self) -> bool:
        self._check()
        return self.pressed

    def is_cut(self) -> bool:
        self._check()
        return self.cut

    def close(self) -> None:
        self.closed = True

    def _check(self) -> None:
        if self.broken:
            raise PinsError("panel.enabled", "broken", "Mend it")


class Bench:
    """A panel on a bench: what it hands over is kept."""

    def __init__(self, *, waiting: tuple[str, ...] = (), has_disk: bool = True, **more: object) -> None:
        self.time, self.pins, self.facts = Time(), Pins(), WELL
        self.events: list[Outgoing] = []
        settings = PanelSettings.model_validate({"enabled": True, "button_pin": 24, "loop_pin": 25, **more})
        self.panel = WallPanel(
            settings,
            SPEAKER,
            open_pins=self.pins.open,
            look=lambda _: self.facts,
            hand_over=self._take,
            waiting=waiting,
            now=self.time(),
        )

        self._has_disk = has_disk

    def _take(self, event: Outgoing) -> None:
        self.events.append(event)
        if self._has_disk:
            self.panel.kept(event.id)

    def pass_(self, seconds: float) -> Bench:
        """From step to step, as its thread does."""
        until = self.time.ticks + seconds
        while True:
            due = self.panel.step(self.time())
            if due >= until:
                break
            self.time.ticks = max(due, self.time.ticks + 0.001)
        self.time.ticks = until
        self.panel.step(self.time())
        return self

    def hold(self, seconds: float = 2.0) -> Bench:
        self.press(True)
        self.pass_(seconds)
        return self.press(False).pass_(0.2)

    def press(self, down: bool) -> Bench:
        self.pins.pressed = down
        self.panel.edge(down, self.time())
        return self

    @property
    def standing(self) -> PanelData | None:
        return self.panel.standing(self.time())

    @property
    def said(self) -> list[ButtonData]:
        found = [EventEnvelope.from_json(event.payload).data for event in self.events]
        assert all(isinstance(data, ButtonData) for data in found)
        return found  # type: ignore[return-value]

    @property
    def signs(self) -> list[ButtonSign]:
        return [data.sign for data in self.said]


def test_a_hold_hands_over_a_panic_with_an_identity_of_its_own() -> None:
    bench = Bench().pass_(2).hold()
    (event,) = bench.events
    assert (event.id, event.rank, event.device) == ("porch-b007-button-1", Rank.ALARM, None)
    assert bench.said == [ButtonData(button="button", boot="b007", number=1, sign=ButtonSign.PANIC, gateway="porch")]
    assert bench.pins.tunes == [Tune.UNDERSTOOD]
    assert bench.pins.lights[Lamp.ALARM] is Light.FAST
    assert bench.panel.raised[ButtonSign.PANIC] == 1


def test_it_is_raised_on_time_though_the_thread_is_late() -> None:
    bench = Bench().pass_(2)
    start = bench.time.ticks
    bench.press(True)
    bench.time.pass_(1.4)
    bench.press(False)
    bench.time.pass_(5)
    bench.panel.step(bench.time())
    assert bench.events == []
    bench.press(True)
    bench.time.pass_(1.6)
    bench.press(False)
    bench.panel.step(bench.time.pass_(3))
    assert bench.signs == [ButtonSign.PANIC]
    assert bench.time.ticks > start


def test_an_edge_that_was_lost_is_made_up_for_by_looking() -> None:
    bench = Bench().pass_(2)
    bench.pins.pressed = True
    assert bench.pass_(2.5).signs == [ButtonSign.PANIC]


def test_a_stuck_button_is_one_alarm_and_a_fault_until_it_is_free() -> None:
    bench = Bench().pass_(2).press(True).pass_(3600)
    assert bench.signs == [ButtonSign.PANIC]
    assert bench.standing is not None
    assert PanelFault.BUTTON_STUCK in bench.standing.faults
    bench.press(False).pass_(1)
    assert bench.panel.faults(bench.time()) == 0


def test_in_test_mode_all_lamps_blink_and_a_hold_proves_the_way_to_the_hub_with_tunes_of_its_own() -> None:
    bench = Bench().pass_(2)
    assert bench.panel.test(bench.time()) is None
    assert set(bench.pass_(1).pins.lights.values()) == {Light.FAST}
    (event,) = bench.hold().events
    assert (event.rank, bench.signs) == (Rank.NOTICE, [ButtonSign.TEST])
    assert bench.pins.lights[Lamp.HEARING] is Light.STEADY
    bench.panel.receipted(event.id)
    bench.pass_(0.1)
    assert bench.pins.tunes == [Tune.TEST_SENT, Tune.TESTED]
    assert bench.pins.lights[Lamp.ALARM] is Light.OFF


def test_a_second_hold_in_the_same_two_minutes_is_an_alarm() -> None:
    bench = Bench().pass_(2)
    bench.panel.test(bench.time())
    assert bench.pass_(1).hold().hold().signs == [ButtonSign.TEST, ButtonSign.PANIC]


def test_test_mode_that_nobody_uses_is_over_after_two_minutes() -> None:
    bench = Bench().pass_(2)
    bench.panel.test(bench.time())
    bench.pass_(121)
    assert bench.pins.lights[Lamp.HEARING] is Light.STEADY
    assert bench.hold().signs == [ButtonSign.PANIC]


def test_while_an_alarm_of_the_button_is_alive_no_test_begins() -> None:
    bench = Bench().pass_(2).hold()
    assert "alarm" in (bench.panel.test(bench.time()) or "")
    bench.pass_(30).hold()
    assert bench.signs == [ButtonSign.PANIC, ButtonSign.PANIC]


def test_a_frightened_person_s_presses_are_an_alarm_with_the_sounds_of_one() -> None:
    bench = Bench().pass_(2)
    for _ in range(8):
        bench.press(True).pass_(0.6).press(False).pass_(0.9)
    assert set(bench.signs) == {ButtonSign.PANIC}
    assert not {Tune.TEST_SENT, Tune.TESTED} & set(bench.pins.tunes)


def test_a_press_that_was_too_short_is_answered_unless_the_button_is_discreet() -> None:
    for discreet, tunes in ((False, [Tune.TOO_SHORT]), (True, [])):
        bench = Bench(discreet=discreet).pass_(2).hold(0.5)
        assert (bench.signs, bench.pins.tunes) == ([], tunes)


def test_its_alarm_is_followed_to_its_end() -> None:
    bench = Bench().pass_(2).hold()
    event = bench.events[0].id
    bench.panel.receipted("another")
    assert bench.pass_(1).pins.lights[Lamp.ALARM] is Light.FAST
    bench.panel.receipted(event)
    assert bench.pass_(1).pins.lights[Lamp.ALARM] is Light.SLOW
    bench.panel.staged(StageData(event=event, told=PanelTold.PERSON_HAS_IT))
    assert bench.pass_(1).pins.lights[Lamp.ALARM] is Light.STEADY
    assert bench.standing is not None
    assert (bench.standing.event, bench.standing.told) == (event, PanelTold.PERSON_HAS_IT)
    bench.panel.staged(StageData(event=event, told=PanelTold.CLOSED))
    assert bench.pass_(1).pins.lights[Lamp.ALARM] is Light.OFF


def test_without_a_receipt_it_sounds_not_delivered() -> None:
    bench = Bench().pass_(2).hold().pass_(45)
    assert bench.pins.tunes == [Tune.UNDERSTOOD, *[Tune.NOT_DELIVERED] * 3]


def test_an_alarm_that_is_not_on_the_disk_is_understood_only_when_it_is_receipted() -> None:
    bench = Bench(has_disk=False).pass_(2).hold()
    assert bench.panel.is_anxious
    assert (bench.signs, bench.pins.tunes) == ([ButtonSign.PANIC], [])
    assert bench.pins.lights[Lamp.ALARM] is Light.FAST
    bench.panel.receipted(bench.events[0].id)
    bench.pass_(1)
    assert bench.pins.tunes == [Tune.STORED]
    assert not bench.panel.is_anxious


def test_a_panel_that_raises_at_every_turn_is_a_fault_though_its_thread_goes_on() -> None:
    bench = Bench().pass_(2)
    bench.pins.is_cut = bench.events.pop  # type: ignore[assignment,method-assign]
    for _ in range(20):
        with pytest.raises(IndexError):
            bench.panel.step(bench.time.pass_(1))
    assert bench.standing is not None
    assert "stands still" in bench.standing.faults[PanelFault.UNUSABLE]


def test_a_panel_that_hangs_is_a_fault_that_others_say() -> None:
    bench = Bench().pass_(2)
    assert bench.panel.faults(bench.time()) == 0
    assert bench.panel.faults(bench.time.pass_(16)) == 1
    assert bench.pass_(1).panel.faults(bench.time()) == 0


def test_a_discreet_button_raises_a_discreet_panic_and_nobody_in_the_room_sees_or_hears_it() -> None:
    bench = Bench(discreet=True).pass_(2)
    before = dict(bench.pins.lights)
    bench.hold().pass_(60)
    assert bench.signs == [ButtonSign.DISCREET_PANIC]
    assert (bench.pins.lights, bench.pins.tunes) == (before, [])


@pytest.mark.parametrize(("setting", "signs"), [("fault", []), ("alarm", [ButtonSign.TAMPER])])
def test_a_cut_cable_is_a_fault_or_an_alarm_as_it_is_set(setting: str, signs: list[ButtonSign]) -> None:
    bench = Bench(loop_cut=setting).pass_(2)
    bench.pins.cut = True
    bench.pass_(600)
    assert bench.signs == signs
    assert bench.standing is not None
    assert list(bench.standing.faults) == [PanelFault.CABLE_CUT]
    bench.pins.cut = False
    bench.pass_(5)
    assert bench.panel.faults(bench.time()) == 0


def test_what_an_earlier_run_left_without_a_receipt_is_shown() -> None:
    bench = Bench(waiting=("porch-b006-button-1",)).pass_(2)
    assert bench.pins.lights[Lamp.ALARM] is Light.FAST
    bench.panel.receipted("porch-b006-button-1")
    bench.pass_(1)
    assert bench.pins.lights[Lamp.ALARM] is Light.SLOW


def test_a_device_s_alarm_is_shown_unless_it_is_not_wanted() -> None:
    report = DeviceReport(
        EventIdentity(ADDRESS, 1, 1), 9, Cause.FALL, Stage.ALARM, 0, 90, Told.NOTHING, True, False, False
    )
    for wanted, light in ((True, Light.FAST), (False, Light.OFF)):
        bench = Bench(show_devices=wanted).pass_(2)
        bench.panel.overheard(report)
        assert bench.pass_(1).pins.lights[Lamp.ALARM] is light


def test_pins_that_can_t_be_opened_are_a_fault_and_tried_again() -> None:
    bench = Bench()
    bench.pins.broken = True
    bench.pass_(65)
    assert bench.panel.failures == 3
    assert bench.standing is not None
    assert bench.standing.faults == {PanelFault.UNUSABLE: "panel.enabled: broken. Mend it"}
    assert bench.standing.lamps == {}
    bench.pins.broken = False
    bench.pass_(31)
    assert bench.panel.faults(bench.time()) == 0
    assert bench.pins.lights[Lamp.ONLINE] is Light.STEADY
    assert bench.hold().signs == [ButtonSign.PANIC]


def test_pins_that_fail_later_are_opened_anew_and_show_everything_again() -> None:
    bench = Bench().pass_(2)
    bench.pins.broken = True
    bench.hold()
    assert bench.pins.closed
    bench.pins.broken = False
    bench.pins.lights.clear()
    bench.pass_(31)
    assert set(bench.pins.lights) == set(Lamp)
    assert bench.pins.opened == 2


def test_an_alarm_goes_out_though_its_beep_fails() -> None:
    bench = Bench().pass_(2).press(True).pass_(1)
    bench.pins.broken = True
    bench.pass_(2)
    assert bench.signs == [ButtonSign.PANIC]


def test_a_panel_that_is_off_takes_nothing_and_says_nothing() -> None:
    bench = Bench(enabled=False)
    bench.panel.receipted("e")
    bench.panel.edge(True, bench.time())
    assert bench.standing is None
    assert not bench.panel.woken.is_set()
    bench.panel.close()
