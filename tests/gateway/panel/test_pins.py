"""The pins with gpiozero's mock factory: what the wires carry."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from gpiozero import LED, Device
from gpiozero.exc import BadPinFactory, PinUnknownPi
from pydantic import ValidationError

from gateway.domain.panel import Lamp, Light, Tune
from gateway.panel.pins import GpioPins
from gateway.panel.port import PinsError
from gateway.settings import PanelSettings
from tests.gateway.panel.wall import ALARM, BUTTON, BUZZER, HEARING, LOOP, ONLINE, Header, header
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.panel.port import Pins

board = pytest.fixture(header)


def settings(**more: object) -> PanelSettings:
    pins = {"hearing_pin": HEARING, "online_pin": ONLINE, "alarm_pin": ALARM, "buzzer_pin": BUZZER}
    return PanelSettings.model_validate({"enabled": True, **pins, "button_pin": BUTTON, "loop_pin": LOOP, **more})


@pytest.fixture
def edges() -> list[bool]:
    return []


@pytest.fixture
def pins(board: Header, edges: list[bool]) -> Iterator[Pins]:
    opened = GpioPins(settings(), edge=edges.append)
    yield opened
    opened.close()


def test_lamps_are_dark_at_first_and_lit_steadily(pins: Pins, board: Header) -> None:
    assert not board.is_high(HEARING)
    pins.show(Lamp.HEARING, Light.STEADY)
    assert board.is_high(HEARING)
    pins.show(Lamp.HEARING, Light.OFF)
    assert not board.is_high(HEARING)


def test_fast_blinks_faster_than_slow(pins: Pins, board: Header) -> None:
    pins.show(Lamp.ALARM, Light.FAST)
    pins.show(Lamp.ONLINE, Light.SLOW)
    assert board.blinks(ALARM, 8)
    assert len(board.pin(ONLINE).states) < len(board.pin(ALARM).states) / 2
    pins.show(Lamp.ALARM, Light.STEADY)
    assert board.is_high(ALARM)


@pytest.mark.parametrize(("tune", "beeps"), [(Tune.UNDERSTOOD, 1), (Tune.STORED, 2), (Tune.NOT_DELIVERED, 5)])
def test_a_tune_is_so_many_beeps_and_then_silence(pins: Pins, board: Header, tune: Tune, beeps: int) -> None:
    pins.sound(tune)
    states = board.pin(BUZZER).states
    eventually(lambda: len(states) == 1 + 2 * beeps)
    assert [each.state for each in states] == [False, *[True, False] * beeps]


def test_a_silent_panel_has_no_sound(board: Header) -> None:
    opened = GpioPins(settings(silent=True), edge=lambda _: None)
    opened.sound(Tune.NOT_DELIVERED)
    opened.close()
    assert [each.state for each in board.pin(BUZZER).states] == [False]


def test_lamps_wired_the_other_way_round_are_lit_by_a_low_pin(board: Header) -> None:
    opened = GpioPins(settings(lamps_active_high=False), edge=lambda _: None)
    assert board.is_high(HEARING)
    opened.show(Lamp.HEARING, Light.STEADY)
    assert not board.is_high(HEARING)
    opened.close()


def test_a_button_to_ground_is_pressed_when_its_pin_is_low(pins: Pins, board: Header, edges: list[bool]) -> None:
    assert board.pin(BUTTON).pull == "up"
    assert not pins.is_pressed()
    board.low(BUTTON)
    assert pins.is_pressed()
    board.high(BUTTON)
    assert edges == [True, False]


def test_a_button_to_3v3_is_pressed_when_its_pin_is_high(board: Header, edges: list[bool]) -> None:
    opened = GpioPins(settings(button_to="3v3"), edge=edges.append)
    assert board.pin(BUTTON).pull == "down"
    board.high(BUTTON)
    assert (opened.is_pressed(), edges) == (True, [True])
    opened.close()


def test_of_a_button_that_opens_a_cut_cable_is_a_press(board: Header, edges: list[bool]) -> None:
    opened = GpioPins(settings(button_contact="opens"), edge=edges.append)
    board.low(BUTTON)
    assert not opened.is_pressed()
    board.high(BUTTON)
    assert (opened.is_pressed(), edges) == (True, [False, True])
    opened.close()


def test_the_loop_is_cut_when_it_does_not_reach_ground(pins: Pins, board: Header) -> None:
    assert pins.is_cut()
    board.low(LOOP)
    assert not pins.is_cut()


def test_closed_all_lamps_go_dark_and_the_pins_are_free(board: Header) -> None:
    opened = GpioPins(settings(), edge=lambda _: None)
    opened.show(Lamp.ALARM, Light.FAST)
    opened.close()
    assert not board.is_high(ALARM)
    assert board.pin(ALARM).function == "input"
    GpioPins(settings(), edge=lambda _: None).close()
    assert not [thread for thread in threading.enumerate() if "blink" in thread.name.lower()]


def test_without_pins_there_is_nothing_to_show_and_nothing_to_press(board: Header) -> None:
    opened = GpioPins(PanelSettings(enabled=True, alarm_pin=ALARM), edge=lambda _: None)
    opened.show(Lamp.HEARING, Light.STEADY)
    opened.sound(Tune.STORED)
    assert (opened.is_pressed(), opened.is_cut()) == (False, False)
    opened.close()


def test_a_pin_in_use_is_named_with_its_setting_and_a_remedy_and_the_others_are_free_again(board: Header) -> None:
    taken = LED(BUZZER)
    with pytest.raises(PinsError) as caught:
        GpioPins(settings(), edge=lambda _: None)
    assert caught.value.setting == "panel.buzzer_pin"
    assert "Choose another pin" in caught.value.remedy
    taken.close()
    GpioPins(settings(), edge=lambda _: None).close()


def test_a_pin_with_a_resistor_of_its_own_is_named(board: Header) -> None:
    with pytest.raises(PinsError) as caught:
        GpioPins(settings(button_pin=2, button_to="3v3"), edge=lambda _: None)
    assert caught.value.setting == "panel.button_pin"
    assert "GPIO2 and GPIO3" in caught.value.remedy


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        (ModuleNotFoundError("No module named 'lgpio'"), "gateway,panel"),
        (BadPinFactory("Unable to find pin factory 'x'"), "gateway,panel"),
        (PinUnknownPi("unable to locate Pi revision"), "no Raspberry Pi"),
        (PermissionError(13, "Permission denied"), "group 'gpio'"),
        (Exception("can not open gpiochip"), "group 'gpio'"),
        (Exception("'GPIO busy'"), "another pin"),
        (Exception("something else"), "this board"),
    ],
)
def test_a_machine_without_usable_pins_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, remedy: str
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "any")
    monkeypatch.setattr(Device, "_default_pin_factory", staticmethod(fail))
    with pytest.raises(PinsError) as caught:
        GpioPins(settings(), edge=lambda _: None)
    assert caught.value.setting == "panel.enabled"
    assert remedy in caught.value.remedy


@pytest.mark.skipif(os.path.exists("/dev/gpiochip0"), reason="this machine has pins")  # noqa: PTH110 - a device
def test_without_a_driver_or_pins_the_error_says_so_and_nothing_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(PinsError, match=r"panel\.enabled: .*gateway,panel"):
        GpioPins(settings(), edge=lambda _: None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hearing_pin": ONLINE},
        {"loop_pin": BUTTON},
        {"button_pin": 0},
        {"button_pin": 28},
        {"hold_s": 0},
        {"button": "Front Desk"},
        {"button_contact": "open"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_a_panel_without_any_pin_is_refused() -> None:
    with pytest.raises(ValidationError, match="a panel needs a pin"):
        PanelSettings(enabled=True)


def test_a_panel_is_off_unless_it_is_asked_for() -> None:
    assert not PanelSettings().enabled
