from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.domain.panel import (
    Facts,
    Kept,
    Lamp,
    Light,
    Looked,
    Overheard,
    Panel,
    Pressed,
    Receipted,
    Staged,
    Tune,
    decide,
    display,
    next_due,
)
from protocols.events import Cause, DeviceReport, Stage, Told
from protocols.ids import Address, EventIdentity
from protocols.mqtt.envelope import PanelTold

if TYPE_CHECKING:
    from gateway.domain.panel import Event

ADDRESS = Address("C0:FF:EE:00:00:01")
WELL = Facts(hearing=True, connected=True, hub_online=True)


class Wall:
    """A panel past its lamp test, with all well."""

    def __init__(self, *, discreet: bool = False) -> None:
        self.now = 10.0
        self.panel = Panel(0.0, discreet=discreet, facts=WELL)
        self.heard: list[Tune] = []

    def tell(self, event: Event | None, after: float = 0.0) -> Wall:
        self.now += after
        self.panel, tunes = decide(self.panel, event, now=self.now)
        self.heard += tunes
        return self

    def light(self, lamp: Lamp) -> Light:
        return display(self.panel, now=self.now)[lamp]

    @property
    def alarm(self) -> Light:
        return self.light(Lamp.ALARM)


def report(
    cause: Cause = Cause.PANIC, stage: Stage = Stage.ALARM, told: Told = Told.NOTHING, sequence: int = 1
) -> Overheard:
    identity = EventIdentity(ADDRESS, 1, sequence)
    return Overheard(DeviceReport(identity, 7, cause, stage, 0, 90, told, worn=True, charging=False, fault=False))


def heartbeat(told: Told, sequence: int = 1) -> Overheard:
    return report(Cause.HEARTBEAT, Stage.NOTICE, told, sequence)


def test_for_a_second_after_the_start_every_lamp_is_lit() -> None:
    panel = Panel(5.0)
    assert set(display(panel, now=5.9).values()) == {Light.STEADY}
    assert next_due(panel, now=5.9) == 6.0
    assert set(display(panel, now=6.0).values()) != {Light.STEADY}


@pytest.mark.parametrize(
    ("facts", "hearing", "online"),
    [
        (Facts(), Light.SLOW, Light.FAST),
        (WELL, Light.STEADY, Light.STEADY),
        (replace(WELL, hearing=False), Light.SLOW, Light.STEADY),
        (replace(WELL, hub_online=False), Light.STEADY, Light.SLOW),
        (replace(WELL, oldest_s=19.9), Light.STEADY, Light.STEADY),
        (replace(WELL, oldest_s=20.0), Light.STEADY, Light.SLOW),
        (replace(WELL, connected=False, hub_online=True), Light.STEADY, Light.FAST),
    ],
)
def test_lamps_say_how_the_gateway_stands(facts: Facts, hearing: Light, online: Light) -> None:
    wall = Wall().tell(Looked(facts))
    assert (wall.light(Lamp.HEARING), wall.light(Lamp.ONLINE), wall.alarm) == (hearing, online, Light.OFF)


def test_an_alarm_of_the_button_is_followed_from_press_to_close() -> None:
    wall = Wall().tell(Pressed("e1")).tell(Kept("e1"))
    assert wall.alarm is Light.FAST
    assert wall.tell(Receipted("e1"), after=1).alarm is Light.SLOW
    assert wall.tell(Staged("e1", PanelTold.PERSON_HAS_IT), after=30).alarm is Light.STEADY
    assert wall.tell(Staged("e1", PanelTold.HELP_SENT)).alarm is Light.STEADY
    assert wall.tell(Staged("e1", PanelTold.CLOSED), after=600).alarm is Light.OFF
    assert wall.heard == [Tune.UNDERSTOOD, Tune.STORED]


def test_without_a_receipt_it_says_not_delivered_after_twenty_seconds_and_again_for_five_minutes() -> None:
    wall = Wall().tell(Pressed("e1")).tell(Kept("e1"))
    assert wall.tell(None, after=19.9).heard == [Tune.UNDERSTOOD]
    assert wall.tell(None, after=0.1).heard == [Tune.UNDERSTOOD, Tune.NOT_DELIVERED]
    for _ in range(100):
        wall.tell(None, after=10)
    assert wall.heard.count(Tune.NOT_DELIVERED) == 31
    assert wall.alarm is Light.FAST
    assert next_due(wall.panel, now=wall.now) is None
    assert wall.tell(Receipted("e1")).heard[-1] is Tune.STORED


def test_a_thread_that_was_held_up_does_not_make_up_for_missed_tunes() -> None:
    wall = Wall().tell(Pressed("e1")).tell(Kept("e1")).tell(None, after=65).tell(None).tell(None, after=1)
    assert wall.heard == [Tune.UNDERSTOOD, Tune.NOT_DELIVERED]


def test_an_alarm_is_understood_when_it_is_written_or_receipted_and_not_before() -> None:
    wall = Wall().tell(Pressed("e1"))
    assert (wall.heard, wall.alarm) == ([], Light.FAST)
    assert wall.tell(Kept("e1")).heard == [Tune.UNDERSTOOD]
    wall.tell(Pressed("e2"), after=11).tell(Receipted("e2"))
    assert wall.heard == [Tune.UNDERSTOOD, Tune.UNDERSTOOD]
    wall.tell(Kept("e2")).tell(Receipted("e1"))
    assert wall.heard == [Tune.UNDERSTOOD, Tune.UNDERSTOOD, Tune.STORED]


def test_a_second_press_waits_for_its_own_receipt() -> None:
    wall = Wall().tell(Pressed("e1")).tell(Pressed("e2"), after=15).tell(Receipted("e2"))
    assert wall.alarm is Light.FAST
    assert Tune.STORED not in wall.heard
    assert wall.tell(Receipted("e1")).alarm is Light.SLOW


def test_a_word_about_an_older_alarm_does_not_put_the_newest_out() -> None:
    wall = Wall().tell(Pressed("e1")).tell(Receipted("e1")).tell(Pressed("e2")).tell(Receipted("e2"))
    assert wall.tell(Staged("e1", PanelTold.CLOSED)).alarm is Light.SLOW


def test_after_a_restart_the_hub_says_what_there_is_to_show() -> None:
    assert Wall().tell(Staged("e9", PanelTold.PERSON_HAS_IT)).alarm is Light.STEADY


def test_a_receipt_that_comes_late_does_not_take_back_that_a_person_has_it() -> None:
    wall = Wall().tell(Pressed("e1")).tell(Staged("e1", PanelTold.PERSON_HAS_IT))
    assert wall.alarm is Light.FAST
    assert wall.tell(Receipted("e1")).alarm is Light.STEADY


def test_a_test_is_shown_until_it_is_stored_and_is_no_alarm() -> None:
    wall = Wall().tell(Pressed("t1", is_test=True))
    assert wall.alarm is Light.FAST
    assert wall.tell(Receipted("t1")).alarm is Light.OFF
    assert wall.heard == [Tune.TEST_SENT, Tune.TESTED]
    assert wall.panel.event is None


def test_a_discreet_button_has_neither_light_nor_sound_however_long_it_takes() -> None:
    wall = Wall(discreet=True).tell(Pressed("e1")).tell(None, after=100)
    wall.tell(Pressed("t1", is_test=True)).tell(Receipted("t1"))
    assert wall.alarm is Light.OFF
    wall.tell(Receipted("e1")).tell(Staged("e1", PanelTold.PERSON_HAS_IT))
    assert (wall.alarm, wall.heard) == (Light.OFF, [])
    assert (wall.panel.event, wall.panel.told) == ("e1", PanelTold.PERSON_HAS_IT)


def test_no_lamp_gives_away_that_a_discreet_alarm_is_not_answered() -> None:
    wall = Wall(discreet=True).tell(Pressed("e1")).tell(Looked(replace(WELL, oldest_s=60.5)), after=60)
    assert wall.light(Lamp.ONLINE) is Light.STEADY
    assert wall.tell(Looked(replace(WELL, oldest_s=90))).light(Lamp.ONLINE) is Light.SLOW


def test_a_device_s_alarm_is_followed_by_what_the_device_says_itself() -> None:
    wall = Wall()
    assert wall.tell(report()).alarm is Light.FAST
    assert wall.tell(report(told=Told.NOT_DELIVERED)).alarm is Light.FAST
    assert wall.tell(report(told=Told.STORED)).alarm is Light.SLOW
    assert wall.tell(heartbeat(Told.PERSON_HAS_IT)).alarm is Light.STEADY
    assert wall.tell(heartbeat(Told.CLOSED)).alarm is Light.OFF
    assert wall.heard == []


@pytest.mark.parametrize("stage", [Stage.CANCELLED, Stage.DURESS])
def test_a_cancel_under_threat_looks_as_any_other(stage: Stage) -> None:
    before = Wall().tell(report(stage=Stage.PRE_ALARM))
    assert before.alarm is Light.FAST
    after = before.tell(report(stage=stage))
    assert after.alarm is Light.OFF
    assert not after.panel.devices
    assert after.tell(heartbeat(Told.STORED)).alarm is Light.OFF


def test_a_discreet_alarm_of_a_device_is_not_shown() -> None:
    assert Wall().tell(report(Cause.DISCREET_PANIC)).alarm is Light.OFF


def test_a_device_that_is_gone_is_forgotten_after_three_minutes() -> None:
    wall = Wall().tell(report())
    assert next_due(wall.panel, now=wall.now) == wall.now + 180
    assert wall.tell(None, after=179).alarm is Light.FAST
    assert wall.tell(None, after=1).alarm is Light.OFF


def test_the_alarm_that_is_least_far_is_shown() -> None:
    wall = Wall().tell(Pressed("e1")).tell(Receipted("e1")).tell(Staged("e1", PanelTold.PERSON_HAS_IT))
    assert wall.tell(report()).alarm is Light.FAST
    assert wall.tell(report(told=Told.STORED)).alarm is Light.SLOW


def test_notices_and_heartbeats_light_nothing() -> None:
    wall = Wall().tell(heartbeat(Told.NOTHING)).tell(report(Cause.CHECK_IN, Stage.NOTICE))
    assert wall.alarm is Light.OFF
