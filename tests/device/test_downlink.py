from __future__ import annotations

import array
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from protocols.ble import aes, downlink
from protocols.events import Stage, Told
from tests.device.rig import ADDRESS, KEY, Flash, Rig, fallen

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_KEY = bytes(reversed(KEY))


def forged(rig: Rig, key: bytes = KEY, address: bytes = ADDRESS.octets, **changes: int) -> bytes:
    fields = {
        "kind": downlink.KIND_RECEIPT,
        "counter": rig.hub_counter + 1,
        "epoch": rig.core.epoch,
        "sequence": rig.core.sequence,
        "code": rig.core.stage,
        "argument": 0,
    }
    return downlink.seal(aes.block(key), address, **(fields | changes))


def everything(rig: Rig) -> object:
    """All a device could act on later, apart from what it counted."""

    def inside(thing: object) -> object:
        if isinstance(thing, (int, str, bytes, tuple, type(None), Flash)) or callable(thing):
            return thing
        if isinstance(thing, (list, array.array)):
            return [inside(part) for part in thing]
        if isinstance(thing, dict):
            return {}
        return {name: inside(part) for name, part in vars(thing).items()}

    return inside(rig.core)


def unchanged(rig: Rig, value: bytes, reason: str) -> None:
    rig.core.step(rig.now)
    before, counted = everything(rig), rig.core.refused.get(reason, 0)
    assert not rig.core.downlink(value, rig.now)
    assert rig.core.refused[reason] == counted + 1
    assert everything(rig) == before


STATES: dict[str, Callable[[], Rig]] = {
    "fresh": Rig,
    "alarm": lambda: Rig().hold(),
    "pre-alarm": fallen,
    "cancelled": lambda: fallen().press(),
    "duress": lambda: fallen().press(2),
    "test": lambda: Rig().press(),
}
states = st.sampled_from(sorted(STATES))


@given(states, st.binary(max_size=40))
def test_random_bytes_change_nothing(state: str, value: bytes) -> None:
    unchanged(STATES[state](), value, "authentication" if len(value) == downlink.SIZE else "length")


@given(states, st.integers(0, downlink.SIZE * 8 - 1))
def test_a_single_wrong_bit_changes_nothing(state: str, bit: int) -> None:
    rig = STATES[state]()
    value = bytearray(forged(rig))
    value[bit // 8] ^= 1 << bit % 8
    unchanged(rig, bytes(value), "authentication")


@given(states, st.integers(0, 3), st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_another_devices_key_or_address_changes_nothing(state: str, kind: int, counter: int, code: int) -> None:
    rig = STATES[state]()
    unchanged(rig, forged(rig, key=OTHER_KEY, kind=kind, counter=counter, code=code), "authentication")
    unchanged(rig, forged(rig, address=bytes(6), kind=kind, counter=counter, code=code), "authentication")


@given(states, st.integers(0, 3), st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1))
def test_another_starts_epoch_changes_nothing(state: str, kind: int, epoch: int, counter: int) -> None:
    rig = STATES[state]()
    if epoch != rig.core.epoch:
        unchanged(rig, forged(rig, kind=kind, epoch=epoch, counter=counter), "epoch")


@given(st.integers(0, 50))
def test_a_counter_that_was_passed_changes_nothing(back: int) -> None:
    rig = Rig().hold()
    rig.hub_counter = 50
    assert rig.receipt()
    old = forged(rig, counter=51 - back, kind=downlink.KIND_STAGE, code=Told.CLOSED)
    unchanged(rig, old, "replay")


def test_a_recorded_downlink_does_not_work_after_a_restart() -> None:
    rig = Rig().hold()
    recorded = forged(rig)
    assert rig.give(recorded)
    again = Rig(flash=rig.flash).hold()
    unchanged(again, recorded, "epoch")


def test_a_recorded_heard_does_not_work_for_a_later_event() -> None:
    rig = Rig().hold()
    recorded = rig.sealed(downlink.KIND_HEARD, rig.report.counter, 1, 0)
    assert rig.give(recorded)
    rig.receipt()
    rig.tell(Told.CLOSED)
    rig.run(600).hold()
    assert rig.give(recorded)
    assert rig.led == "sending"
    unchanged(rig, rig.sealed(downlink.KIND_HEARD, rig.report.counter - 1, 2, 0), "frame")
    assert rig.led == "sending"


def test_heard_answers_one_of_the_last_frames_of_the_event() -> None:
    rig = Rig().hold()
    first = rig.report.counter
    rig.run(10_000)
    assert rig.give(rig.sealed(downlink.KIND_HEARD, first, 1, 0))
    rig.run(60_000)
    unchanged(rig, rig.sealed(downlink.KIND_HEARD, first, 1, 0), "frame")


def test_heard_that_names_another_event_than_its_frame_did_changes_nothing() -> None:
    rig = Rig().hold()
    unchanged(rig, rig.sealed(downlink.KIND_HEARD, rig.report.counter, 2, 0), "frame")


def test_heard_of_a_heartbeat_says_nothing() -> None:
    rig = Rig()
    unchanged(rig, rig.sealed(downlink.KIND_HEARD, rig.report.counter, 0, 0), "frame")


@given(st.integers(2, 0xFFFF))
def test_a_receipt_for_an_event_that_never_was_changes_nothing(sequence: int) -> None:
    rig = Rig().hold()
    unchanged(rig, forged(rig, sequence=sequence), "sequence")


@given(st.integers(5, 255))
def test_an_unknown_kind_changes_nothing(kind: int) -> None:
    rig = Rig().hold()
    unchanged(rig, forged(rig, kind=kind), "kind")


@given(st.integers(0, 255))
def test_codes_that_mean_nothing_change_nothing(code: int) -> None:
    for kind, known in ((1, set(Stage)), (2, {3, 4, 6}), (3, {1, 2})):
        if code not in known:
            rig = Rig().hold()
            unchanged(rig, forged(rig, kind=kind, code=code), "code")


def test_a_refused_downlink_does_not_use_up_its_counter() -> None:
    rig = Rig().hold()
    assert not rig.give(forged(rig, counter=2**32 - 1, code=99))
    assert rig.receipt()


def test_the_same_downlink_from_two_gateways_is_accepted_twice_and_does_one_thing() -> None:
    rig = Rig().hold()
    value = forged(rig)
    assert rig.give(value)
    before = everything(rig)
    assert rig.give(value)
    assert everything(rig) == before
    assert rig.core.refused == {}


def test_an_answer_for_an_earlier_event_reaches_that_event() -> None:
    rig = Rig().hold()
    rig.receipt()
    rig.run(600).press(3)
    assert rig.tell(Told.HELP_SENT, sequence=1)
    assert [event.told for event in rig.core._queue.events] == [Told.HELP_SENT, Told.NOTHING]


def test_a_bytearray_from_the_bluetooth_stack_is_taken_like_bytes() -> None:
    rig = Rig().hold()
    assert rig.core.downlink(bytearray(forged(rig)), rig.now)
