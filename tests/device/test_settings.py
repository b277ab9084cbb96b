from __future__ import annotations

import pytest

from device import language
from device.settings import SettingError, Settings
from protocols.events import Told


def test_settings_have_defaults_and_take_changes() -> None:
    assert Settings().long_press_ms == 1500
    assert Settings(long_press_ms=2000).long_press_ms == 2000
    assert Settings().long_press_ms == 1500


@pytest.mark.parametrize("changes", [{"long_pres_ms": 1}, {"_check": 1}, {"long_press_ms": -1}])
def test_a_setting_that_does_not_exist_or_can_not_be_is_refused_by_name(changes: dict[str, int]) -> None:
    with pytest.raises(SettingError) as refused:
        Settings(**changes)
    assert {refused.value.name: refused.value.value} == changes


@pytest.mark.parametrize("interval", [0, 19, 201, 1000])
def test_no_setting_makes_an_alarm_slower_than_5_hz(interval: int) -> None:
    with pytest.raises(SettingError):
        Settings(alarm_interval_ms=interval)


def test_every_answer_has_a_light_of_its_own() -> None:
    assert len(language.OF_TOLD) == len(set(language.OF_TOLD)) == len(Told)
    looks = {(language.LED[name].colour, language.LED[name].steps) for name in language.LED}
    assert len(looks) == len(language.LED)


def test_every_pattern_can_be_played() -> None:
    for patterns in (language.LED, language.BUZZER, language.VIBRATION):
        for pattern in patterns.values():
            assert all(on > 0 and off >= 0 for on, off in pattern.steps)
            assert pattern.repeats >= 0


def test_good_news_is_green_and_bad_news_red() -> None:
    green = {name for name in language.LED if language.LED[name].colour == "green"}
    assert green == {"stored", "person_has_it", "help_sent", "closed", "cancelled"}
    assert language.LED["not_delivered"].colour == "red"
