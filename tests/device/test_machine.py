"""A device lives through anything in any order; a hub that remembers what it really said checks every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from device import language
from device.core import STAGES
from device.settings import Settings
from protocols.ble import downlink
from protocols.events import Stage, Told
from tests.device.rig import Rig

if TYPE_CHECKING:
    from device.events import Event

WAITS = st.one_of(st.integers(0, 3_000), st.integers(0, 60_000))
KNOWN = {"led": language.LED, "buzzer": language.BUZZER, "vibration": language.VIBRATION}
NEWS = (Told.PERSON_HAS_IT, Told.HELP_SENT, Told.CLOSED)


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(Settings(no_motion_after_ms=45_000))
        self.receipts: set[tuple[int, int, int]] = set()
        self.heard_of: set[tuple[int, int, int]] = set()
        self.news: dict[tuple[int, int, int], set[int]] = {}
        self.stages: dict[tuple[int, int], int] = {}
        self.counters: list[int] = []
        self.checked = 0
        self.refusals = 0

    def key(self, event: Event) -> tuple[int, int, int]:
        return self.rig.core.epoch, event.sequence, event.stage

    def event(self, which: int) -> Event:
        events = self.rig.core._queue.events
        return events[which % len(events)]

    def has_events(self) -> bool:
        return bool(self.rig.core._queue.events)

    # The world

    @rule(ms=WAITS)
    def time_passes(self, ms: int) -> None:
        self.rig.run(ms)

    @rule(ms=WAITS)
    def the_board_oversleeps(self, ms: int) -> None:
        self.rig.now += ms
        self.rig.core.step(self.rig.now)
        self.rig.look()

    @rule(times=st.integers(1, 5))
    def presses(self, times: int) -> None:
        self.rig.press(times)

    @rule()
    def holds(self) -> None:
        self.rig.hold().run(600)

    @rule(down=st.booleans())
    def an_edge(self, down: bool) -> None:
        self.rig.button(down=down)

    @rule()
    def falls(self) -> None:
        self.rig.fall()

    @rule(percent=st.integers(0, 100), charging=st.booleans(), worn=st.booleans(), passed=st.booleans())
    def the_device_changes(self, percent: int, charging: bool, worn: bool, passed: bool) -> None:
        core, now = self.rig.core, self.rig.now
        core.battery(percent, now)
        self.rig.look()
        core.charging(charging, now)
        self.rig.look()
        core.worn(worn, now)
        self.rig.look()
        core.self_test(passed, now)
        self.rig.look()

    @rule()
    def is_tampered_with(self) -> None:
        self.rig.core.tamper(self.rig.now)
        self.rig.look()

    @rule()
    def loses_power_and_starts_again(self) -> None:
        frames, flash = self.rig.frames[self.checked :], self.rig.flash
        self.rig = Rig(Settings(no_motion_after_ms=45_000), flash)
        self.rig.frames = frames + self.rig.frames
        self.checked = self.refusals = 0

    # Gateway and hub

    @precondition(has_events)
    @rule(which=st.integers(0, 99))
    def the_hub_stores(self, which: int) -> None:
        event = self.event(which)
        self.receipts.add(self.key(event))
        assert self.rig.receipt(event.stage, event.sequence)

    @precondition(has_events)
    @rule(which=st.integers(0, 99), stage=st.sampled_from(list(Stage)))
    def a_receipt_of_another_stage_comes(self, which: int, stage: Stage) -> None:
        event = self.event(which)
        if event.stage != stage:
            assert self.rig.receipt(stage, event.sequence)

    @precondition(has_events)
    @rule(which=st.integers(0, 99), told=st.sampled_from(NEWS))
    def the_hub_has_news(self, which: int, told: Told) -> None:
        event = self.event(which)
        self.news.setdefault(self.key(event), set()).add(told)
        for earlier in self.rig.core._queue.events:
            if told is Told.CLOSED and earlier.sequence < event.sequence and self.key(earlier) in self.receipts:
                self.news.setdefault(self.key(earlier), set()).add(told)
        assert self.rig.tell(told, event.sequence)

    @rule()
    def a_gateway_hears(self) -> None:
        report = self.rig.report
        identity = report.identity
        accepted = self.rig.heard()
        assert accepted is not report.is_heartbeat
        self.refusals += not accepted
        if accepted:
            self.heard_of.add((identity.epoch, identity.sequence, report.stage))

    @rule(value=st.binary(max_size=30))
    def somebody_writes_noise(self, value: bytes) -> None:
        assert not self.rig.give(value)
        self.refusals += 1

    @rule(counter=st.integers(0, 10))
    def somebody_replays(self, counter: int) -> None:
        if counter < self.rig.hub_counter:
            assert not self.rig.give(self.rig.sealed(downlink.KIND_STAGE, counter, 1, Told.HELP_SENT))
            self.refusals += 1

    @rule(seconds=st.integers(0, 120))
    def the_hub_asks(self, seconds: int) -> None:
        assert self.rig.ask(seconds)

    @rule(level=st.integers(0, 2))
    def somebody_alerts(self, level: int) -> None:
        self.rig.core.alert(level, self.rig.now)
        self.rig.look()

    # What holds always

    @invariant()
    def frames_decode_and_their_counters_only_rise(self) -> None:
        for report in self.rig.reports[self.checked :]:
            assert not self.counters or report.counter > self.counters[-1]
            self.counters.append(report.counter)
        self.checked = len(self.rig.frames)

    @invariant()
    def the_wearer_is_told_what_the_hub_said_and_nothing_else(self) -> None:
        for event in self.rig.core._queue.events:
            said = self.news.get(self.key(event), set())
            if event.told == Told.STORED:
                assert self.key(event) in self.receipts
            if event.told == Told.HEARD:
                assert self.key(event) in self.heard_of
            if event.told in NEWS:
                assert event.told in said
                assert event.stage not in {Stage.CANCELLED, Stage.DURESS}

    @invariant()
    def what_was_stored_is_told(self) -> None:
        for event in self.rig.core._queue.events:
            if self.key(event) in self.receipts:
                assert event.told in {Told.STORED, *NEWS}

    @invariant()
    def twenty_seconds_without_news_are_not_kept_from_the_wearer(self) -> None:
        for event in self.rig.core._queue.events:
            if event.told in {Told.NOTHING, Told.HEARD}:
                assert self.rig.now - event.stage_ms < 20_000
            if event.told == Told.NOT_DELIVERED:
                assert self.rig.now - event.stage_ms >= 20_000

    @invariant()
    def stages_follow_the_table(self) -> None:
        for event in self.rig.core._queue.events:
            name = self.rig.core.epoch, event.sequence
            before = self.stages.get(name, event.stage)
            assert event.stage == before or event.stage in STAGES[before]
            self.stages[name] = event.stage

    @invariant()
    def no_pre_alarm_outlives_its_deadline(self) -> None:
        for event in self.rig.core._queue.events:
            assert event.stage != Stage.PRE_ALARM or self.rig.now < event.deadline_ms

    @invariant()
    def an_unreceipted_alarm_has_the_air(self) -> None:
        waiting = [event for event in self.rig.core._queue.open() if event.is_waiting and event.stage == Stage.ALARM]
        if waiting:
            assert self.rig.report.stage in {Stage.ALARM, Stage.CANCELLED, Stage.DURESS}
            assert self.rig.core.output.interval_ms <= 500
        if any(not event.fast_done for event in waiting):
            assert self.rig.core.output.interval_ms <= 200

    @invariant()
    def every_pattern_is_in_the_language(self) -> None:
        for output, patterns in KNOWN.items():
            assert getattr(self.rig.core.output, output) in patterns

    @invariant()
    def only_bad_downlinks_are_counted(self) -> None:
        assert sum(self.rig.core.refused.values()) == self.refusals

    @invariant()
    def there_is_always_a_next_moment(self) -> None:
        assert self.rig.core.next_ms >= self.rig.now


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestLife = Life.TestCase
