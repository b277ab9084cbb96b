from __future__ import annotations

import random
import time as clock
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.keyring import Keyring, by_hand
from gateway.hearing.ear import STRANGERS_MAX, Ear
from protocols.ble.bthome import FRAME_SIZE
from protocols.events import Cause, Stage, Told
from tests.gateway.air import ADDRESS, DEVICE, KEY, OTHER, Time, frame, panic, sealed

if TYPE_CHECKING:
    from gateway.domain.hearing import HeardFrame
    from gateway.domain.moment import Moment

OTHER_KEY = bytes(range(16, 32))


class Hearing:
    """An ear, and what it handed on."""

    def __init__(self, known: dict[str, list[str]] | None = None, key: bytes = KEY) -> None:
        self.time = Time()
        self.published: list[HeardFrame] = []
        self.names: list[str] = []
        self.answered: list[HeardFrame] = []
        self.keyring = Keyring([by_hand(ADDRESS, key), by_hand(OTHER, OTHER_KEY)])
        self.ear = Ear(self.keyring, known or {}, publish=self._publish, answer=self._answer, now=self.time())

    def _publish(self, heard: HeardFrame, device: str, _now: Moment) -> None:
        self.published.append(heard)
        self.names.append(device)

    def _answer(self, heard: HeardFrame, _now: Moment) -> None:
        self.answered.append(heard)

    def hear(self, data: bytes | None, address: str = ADDRESS, rssi: int = -60) -> None:
        self.ear.hear(address, data, rssi, self.time())

    def digest(self) -> list[tuple[bytes, int, float]]:
        return [(heard.frame, heard.rssi, at.ticks) for heard, at in self.ear.presence.take()[0]]


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


def test_an_alarm_is_handed_on_once_and_answered(hearing: Hearing) -> None:
    for counter in (1, 1, 1, 2):
        hearing.hear(panic(counter))
    assert [heard.frame for heard in hearing.published] == [panic(1)]
    assert [heard.frame for heard in hearing.answered] == [panic(1), panic(2)]
    assert hearing.names == [DEVICE]


def test_an_address_in_lower_case_is_the_same_device(hearing: Hearing) -> None:
    hearing.hear(panic(1), address=ADDRESS.lower())
    assert len(hearing.published) == 1


def test_a_stranger_is_counted_once_per_digest_whatever_it_sends(hearing: Hearing) -> None:
    for data in (None, panic(1), b""):
        hearing.hear(data, address="11:22:33:44:55:66")
    assert hearing.ear.presence.take() == ([], 1)
    assert hearing.ear.presence.take() == ([], 0)
    assert hearing.published == []


def test_strangers_that_change_their_address_do_not_fill_the_memory(hearing: Hearing) -> None:
    for number in range(STRANGERS_MAX + 10):
        hearing.hear(None, address=f"{number}")
    assert hearing.ear.presence.take() == ([], STRANGERS_MAX)


def test_the_digest_has_the_newest_frame_of_each_device_once(hearing: Hearing) -> None:
    hearing.hear(frame(1))
    hearing.hear(frame(2))
    hearing.hear(frame(1, address=OTHER, key=OTHER_KEY), address=OTHER)
    assert [each[0] for each in hearing.digest()] == [frame(2), frame(1, address=OTHER, key=OTHER_KEY)]
    assert hearing.digest() == []


def test_a_repeat_refreshes_strength_and_time_within_a_digest_but_is_no_presence_in_the_next(hearing: Hearing) -> None:
    hearing.hear(frame(1), rssi=-60)
    hearing.time.pass_(3)
    hearing.hear(frame(1), rssi=-80)
    assert hearing.digest() == [(frame(1), -80, 1003.0)]
    hearing.hear(frame(1), rssi=-50)
    assert hearing.digest() == []


def test_a_recorded_heartbeat_played_again_is_no_sign_of_life_and_is_counted(hearing: Hearing) -> None:
    hearing.hear(frame(1))
    hearing.hear(frame(2))
    hearing.digest()
    for _ in range(5):
        hearing.hear(frame(1))
        hearing.hear(frame(2))
    assert hearing.digest() == []
    assert hearing.ear.refused == {"replay": 5}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "length"),
        (panic(1)[:-1], "length"),
        (panic(1) + b"\0", "length"),
        (b"\x40" + panic(1)[1:], "plain_text"),
        (b"\x21" + panic(1)[1:], "version"),
        (frame(1, key=OTHER_KEY), "authentication"),
        (panic(1)[:-1] + b"\0", "authentication"),
        (sealed(1, bytes(15)), "body"),
    ],
)
def test_a_bad_frame_is_counted_by_reason_and_the_next_good_alarm_is_heard(
    hearing: Hearing, data: bytes, reason: str
) -> None:
    hearing.hear(data)
    hearing.hear(panic(2))
    assert hearing.ear.refused == {reason: 1}
    assert len(hearing.published) == 1


def test_ten_thousand_random_frames_raise_nothing_and_stop_nothing(hearing: Hearing) -> None:
    dice = random.Random(1)
    for _ in range(10_000):
        hearing.hear(dice.randbytes(dice.choice((FRAME_SIZE, dice.randrange(40)))))
    assert hearing.published == []
    hearing.hear(panic(1))
    assert len(hearing.published) == 1


@given(st.binary(max_size=40), st.integers(-200, 200))
def test_no_bytes_at_all_make_the_ear_raise(data: bytes, rssi: int) -> None:
    hearing = Hearing()
    hearing.hear(data, rssi=rssi)
    hearing.hear(b"\x41" + data, rssi=rssi)
    assert hearing.published == []


@given(st.binary(min_size=15, max_size=15))
def test_no_body_under_the_right_key_makes_the_ear_raise(body: bytes) -> None:
    Hearing().hear(sealed(1, body))


def test_what_was_published_before_a_restart_is_known(hearing: Hearing) -> None:
    after = Hearing({DEVICE: ["c0ffee000001-1-1-2"]})
    after.hear(panic(1, told=Told.STORED))
    assert after.published == []


@pytest.mark.parametrize("damaged", ["", "c0ffee000001", "c0ffee000001-1-x-2", "c0ffee000001-1-1-2-9"])
def test_a_remembered_id_that_is_damaged_keeps_the_ear_from_nothing(damaged: str) -> None:
    after = Hearing({DEVICE: [damaged, "c0ffee000001-1-1-2"]})
    after.hear(panic(1, told=Told.STORED))
    assert after.published == []


def test_a_device_that_was_given_a_new_key_begins_anew_and_its_first_alarm_is_no_repeat() -> None:
    after = Hearing({DEVICE: ["c0ffee000001-1-1-2"]}, key=OTHER_KEY)
    after.hear(frame(0, sequence=1, cause=Cause.PANIC, stage=Stage.ALARM, key=OTHER_KEY))
    assert len(after.published) == 1


def test_anybody_s_advertisement_proves_that_the_gateway_is_not_blind(hearing: Hearing) -> None:
    hearing.time.pass_(10)
    hearing.hear(None, address="11:22:33:44:55:66")
    assert (hearing.ear.heard_at, hearing.ear.adverts) == (1010.0, 1)


def test_ten_thousand_new_encrypted_frames_a_second_are_no_trouble_for_one_core() -> None:
    frames = [frame(counter) for counter in range(3000)]
    hearing = Hearing()
    before = clock.process_time()
    for each in frames:
        hearing.hear(each)
    assert hearing.ear.adverts / (clock.process_time() - before) > 10_000
