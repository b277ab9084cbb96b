from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device.core import Core
from device.frames import BLOCK
from protocols.ble import aes, bthome, layout
from protocols.events import Cause, Stage, Told
from protocols.ids import EventIdentity
from tests.device.rig import ADDRESS, KEY, ROOT, Flash, PowerCutError, Rig


class Cutter:
    """Cuts the power at the n-th chance from now."""

    def __init__(self) -> None:
        self.left: int | None = None

    def __call__(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise PowerCutError


def number(core: Core) -> tuple[int, int]:
    return core.epoch, int.from_bytes(core.output.service_data[-8:-4], "little")


def life(flash: Flash, frames: int) -> list[tuple[int, int]]:
    """(epoch, counter) of every frame of one life, however it ends."""
    core, sent = Core(aes.block, ROOT, ADDRESS.octets, flash), []
    try:
        core.start(0)
        sent.append(number(core))
        for now in range(frames):
            core.battery(50 + now % 2, now)
            sent.append(number(core))
    except PowerCutError:
        pass
    return sent


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3 * BLOCK)), min_size=1, max_size=5))
def test_no_counter_is_used_twice_whenever_the_power_fails(lives: list[tuple[int, int]]) -> None:
    cutter = Cutter()
    flash, sent = Flash(cutter), []
    for cut, frames in lives:
        cutter.left = cut
        sent += life(flash, frames)
    cutter.left = None
    sent += life(flash, 2)
    counters = [counter for _, counter in sent]
    assert len(counters) == len(set(counters))
    assert sorted(counters) == counters


@given(st.lists(st.integers(0, 3), max_size=6))
def test_no_start_repeats_an_epoch_that_was_on_the_air(cuts: list[int]) -> None:
    cutter = Cutter()
    flash, epochs = Flash(cutter), []
    for cut in cuts:
        cutter.left = cut
        epochs += sorted({epoch for epoch, _ in life(flash, 3)})
    assert len(epochs) == len(set(epochs))


def test_epoch_and_first_block_are_saved_in_one_write_before_the_first_frame() -> None:
    flash = Flash()
    flash.kept = (7, 1000, 0)
    rig = Rig(flash=flash)
    assert flash.saves == [(8, 1000 + BLOCK, 0)]
    assert (rig.report.identity.epoch, rig.report.counter) == (8, 1000)


def test_the_flash_is_written_once_in_256_frames() -> None:
    flash = Flash()
    life(flash, 10 * BLOCK)
    assert 10 <= len(flash.saves) <= 12


def test_the_epoch_wraps_after_65535_starts() -> None:
    flash = Flash()
    flash.kept = (0xFFFF, 5, 0)
    assert Rig(flash=flash).report.identity.epoch == 0


class WornOut(Flash):
    """Flash that can't be written any more."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = True

    def save(self, epoch: int, counter: int, generation: int) -> None:
        if self.broken:
            raise OSError(5, "worn out")
        super().save(epoch, counter, generation)


def test_an_alarm_goes_out_even_if_the_flash_is_worn_out_and_the_frame_reports_the_fault() -> None:
    rig = Rig(flash=WornOut()).hold()
    assert rig.report.stage is Stage.ALARM
    assert rig.report.fault
    counters = [report.counter for report in rig.run(60_000).reports]
    assert len(counters) == len(set(counters))


def test_the_fault_is_shown_and_goes_when_the_flash_takes_a_write_again() -> None:
    flash = WornOut()
    rig = Rig(flash=flash).run(10_000)
    assert rig.led == "fault"
    flash.broken = False
    rig.run(20_000)
    assert rig.led == "off"
    assert not rig.report.fault
    assert flash.kept[1] > rig.report.counter


def test_the_advertisement_is_31_bytes_flags_and_service_data() -> None:
    output = Rig().core.output
    assert len(output.advertisement) == 31
    assert output.advertisement == b"\x02\x01\x06" + b"\x1b\x16\xd2\xfc" + output.service_data
    assert len(output.service_data) == bthome.FRAME_SIZE


def test_a_fresh_device_says_that_it_is_well_and_had_no_event() -> None:
    report = Rig().report
    assert report.identity == EventIdentity(ADDRESS, 1, 0)
    assert (report.cause, report.stage, report.told) == (Cause.HEARTBEAT, Stage.NOTICE, Told.NOTHING)
    assert (report.battery, report.worn, report.charging, report.fault) == (100, True, False, False)


def test_battery_worn_charging_and_fault_are_in_the_next_frame() -> None:
    rig = Rig()
    rig.core.battery(64, 10)
    rig.core.charging(True, 20)
    rig.core.worn(False, 30)
    rig.core.self_test(False, 40)
    report = rig.report
    assert (report.battery, report.worn, report.charging, report.fault) == (64, False, True, True)


def test_what_was_known_before_the_start_is_in_the_first_frame() -> None:
    core = Core(aes.block, ROOT, ADDRESS.octets, Flash())
    core.battery(42, 0)
    assert core.output.service_data == b""
    core.start(5)
    assert bthome.decode(ADDRESS, KEY, core.output.service_data).battery == 42


@given(st.integers(-1000, 1000))
def test_no_battery_reading_breaks_a_frame(percent: int) -> None:
    rig = Rig()
    rig.core.battery(percent, 1)
    assert rig.report.battery == min(100, max(0, percent))


def test_the_revision_rises_when_something_changed_and_only_then() -> None:
    rig = Rig()
    for _ in range(3):
        rig.core.step(0)
    assert rig.core.output.revision == 1
    rig.core.alert(1, 0)
    assert rig.core.output.revision == 2
    rig.core.alert(1, 0)
    assert rig.core.output.revision == 2
    rig.hold().run(60_000)
    for one, two in zip(rig.seen, rig.seen[1:], strict=False):
        assert (one[1:-1] == two[1:-1]) == (one.revision == two.revision)


def test_every_frame_has_the_next_counter_and_packet_id() -> None:
    rig = Rig()
    rig.hold().run(10_000).press().run(30_000)
    assert [report.counter for report in rig.reports] == list(range(len(rig.frames)))
    packet_ids = [bthome.open_objects(ADDRESS, KEY, frame)[1] for frame in rig.frames]
    assert packet_ids == list(range(1, len(rig.frames) + 1))


def test_a_heartbeat_comes_every_ten_seconds_and_names_the_newest_event() -> None:
    rig = Rig().press()
    rig.receipt()
    start = len(rig.frames)
    rig.run(60_000)
    beats = rig.reports[start:]
    assert len(beats) == 6
    assert {(beat.cause, beat.identity.sequence, beat.told) for beat in beats} == {(Cause.HEARTBEAT, 1, Told.STORED)}


def test_an_event_waiting_for_its_receipt_gets_a_new_frame_every_two_seconds_with_its_age() -> None:
    rig = Rig().hold()
    rig.run(19_000)
    ages = [report.age_s for report in rig.reports if report.cause is Cause.PANIC]
    assert ages == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_the_button_object_names_the_gesture() -> None:
    buttons = [rig.press(times) for times, rig in ((1, Rig()), (2, Rig()), (3, Rig()))]
    buttons.append(Rig().hold())
    objects = [bthome.open_objects(ADDRESS, KEY, rig.core.output.service_data) for rig in buttons]
    assert [found[5] for found in objects] == [
        layout.BUTTON_PRESS,
        layout.BUTTON_DOUBLE,
        layout.BUTTON_TRIPLE,
        layout.BUTTON_LONG,
    ]


def test_a_heartbeat_and_a_cancel_name_no_button() -> None:
    for rig in (Rig(), Rig().hold().run(600).press(), Rig().hold().run(600).press(2)):
        assert bthome.open_objects(ADDRESS, KEY, rig.core.output.service_data)[5] == layout.BUTTON_NONE


def test_two_devices_with_one_key_seal_differently() -> None:
    other = Core(aes.block, ROOT, bytes(6), Flash())
    other.start(0)
    assert other.output.service_data != Rig().core.output.service_data
