"""A higher generation of the working key: taken from the hub alone, saved before it is used, never given back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.frames import BLOCK
from protocols.ble import aes, bthome, downlink, keys
from protocols.events import Stage, Told
from tests.device.rig import ADDRESS, KEY, ROOT, Flash, PowerCutError, Rig
from tests.device.test_downlink import everything, unchanged
from tests.device.test_frames import WornOut


def rekey(generation: int, *, counter: int = 9, key: bytes = ROOT, epoch: int = 0) -> bytes:
    return downlink.seal(aes.block(key), ADDRESS.octets, downlink.KIND_REKEY, counter, epoch, generation, 0, 0)


def speaks(rig: Rig, generation: int) -> bool:
    try:
        bthome.decode(ADDRESS, keys.working(aes.block(ROOT), generation), rig.core.output.service_data)
    except bthome.AuthenticationError:
        return False
    return True


def test_a_rekeyed_device_speaks_at_once_under_the_new_key_and_goes_on_counting() -> None:
    rig = Rig().hold().run(3000)
    counter = rig.report.counter
    assert rig.give(rekey(1))
    assert speaks(rig, 1)
    assert not speaks(rig, 0)
    report = bthome.decode(ADDRESS, keys.working(aes.block(ROOT), 1), rig.core.output.service_data)
    assert (report.counter, report.stage) == (counter + 1, Stage.ALARM)


def test_a_rekeyed_device_believes_the_new_key_and_no_longer_the_old_one() -> None:
    rig = Rig().hold()
    old = rig.sealed(downlink.KIND_RECEIPT, 50, rig.core.sequence, Stage.ALARM)
    rig.give(rekey(3))
    unchanged(rig, old, "authentication")
    new = keys.working(aes.block(ROOT), 3)
    fresh = downlink.seal(
        aes.block(new), ADDRESS.octets, downlink.KIND_RECEIPT, 51, rig.core.epoch, rig.core.sequence, Stage.ALARM, 0
    )
    assert rig.give(fresh)
    assert rig.core.told == Told.STORED


@given(st.integers(0, 0xFFFF), st.integers(0, 5))
def test_a_device_never_believes_a_rekey_under_a_working_key(generation: int, of: int) -> None:
    rig = Rig()
    unchanged(rig, rekey(generation, key=keys.working(aes.block(ROOT), of)), "authentication")


@given(st.integers(1, 0xFFFF), st.integers(0, 0xFFFF))
def test_generations_only_rise(first: int, second: int) -> None:
    rig = Rig()
    rig.give(rekey(first))
    if second < first:
        unchanged(rig, rekey(second), "replay")
    else:
        assert rig.give(rekey(second, counter=1))
    assert rig.core.generation == max(first, second)


def test_the_same_rekey_from_a_second_gateway_changes_nothing_and_is_no_refusal() -> None:
    rig = Rig()
    rig.give(rekey(1))
    rig.core.step(rig.now)
    before = everything(rig)
    assert rig.give(rekey(1))
    assert everything(rig) == before
    assert rig.core.refused == {}


def test_what_is_sealed_under_the_root_key_is_believed_for_a_rekey_alone() -> None:
    rig = Rig().hold()
    for kind in (downlink.KIND_HEARD, downlink.KIND_RECEIPT, downlink.KIND_STAGE, downlink.KIND_COMMAND):
        value = downlink.seal(
            aes.block(ROOT), ADDRESS.octets, kind, 70, rig.core.epoch, rig.core.sequence, Stage.ALARM, 0
        )
        unchanged(rig, value, "authentication")


@pytest.mark.parametrize("epoch", [0, 1, 0xFFFF])
def test_a_rekey_is_bound_to_no_start_of_the_device(epoch: int) -> None:
    rig = Rig()
    assert rig.give(rekey(1, epoch=epoch))


def test_the_new_key_is_spoken_after_the_next_start() -> None:
    rig = Rig()
    rig.give(rekey(2))
    again = Rig(flash=rig.flash)
    assert speaks(again, 2)
    assert again.core.epoch == 2


@pytest.mark.parametrize("moment", ["before the write", "after the write"])
def test_a_loss_of_power_leaves_the_old_key_or_the_new_one_and_no_counter_is_used_twice(moment: str) -> None:
    cuts: list[str] = []

    def cut() -> None:
        cuts.append("before the write" if len(cuts) % 2 == 0 else "after the write")
        if len(cuts) > 2 and cuts[-1] == moment:
            raise PowerCutError

    flash = Flash(cut)
    rig = Rig(flash=flash)
    used = rig.report.counter
    with pytest.raises(PowerCutError):
        rig.give(rekey(1))
    flash._cut = lambda: None
    again = Rig(flash=flash)
    assert speaks(again, 0 if moment == "before the write" else 1)
    assert flash.kept[1] > BLOCK
    assert int.from_bytes(again.core.output.service_data[-8:-4], "little") > used


def test_a_key_that_can_not_be_saved_is_not_taken_and_the_fault_is_told() -> None:
    flash = WornOut()
    flash.broken = False
    rig = Rig(flash=flash)
    flash.broken = True
    assert not rig.give(rekey(1))
    assert rig.core.refused == {"store": 1}
    assert rig.core.generation == 0
    rig.core.step(rig.now)
    assert rig.report.fault
    flash.broken = False
    assert rig.give(rekey(1))


def test_a_block_of_counters_reserved_later_keeps_the_generation() -> None:
    rig = Rig()
    rig.give(rekey(5))
    for now in range(BLOCK + 5):
        rig.core.battery(50 + now % 2, rig.now)
    assert len(rig.flash.saves) == 3
    assert {save[2] for save in rig.flash.saves[1:]} == {5}


def test_the_working_keys_are_those_of_an_independent_aes() -> None:
    """FIPS 197 by OpenSSL, not by this project: ``printf 'tocsin working\\001\\000' | openssl enc -aes-128-ecb …``."""
    assert KEY.hex() == "8b92766443da091f28542db4d2e60e15"
    assert keys.working(aes.block(ROOT), 1).hex() == "724249f7ad10f1460f57cec1af1519d4"
    assert keys.working(aes.block(ROOT), 0x0102).hex() == "96e0864c2d5f71bf36e4d98bc6cb9ebf"
