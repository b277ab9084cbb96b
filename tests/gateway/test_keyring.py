"""Keys that change while the gateway hears."""

from __future__ import annotations

import pytest

from gateway.domain import receipts
from gateway.domain.keyring import FORMER_MAX, Keyring, by_hand, device_name, open_frame
from gateway.domain.outgoing import Outgoing, Rank
from gateway.hearing.ear import Ear
from gateway.uplink.refusals import SAY_EVERY_S, Refusals
from protocols.ble import downlink, layout
from protocols.ble.bthome import AuthenticationError
from protocols.enrolment import DeviceKey
from protocols.events import Cause, Stage
from protocols.mqtt.envelope import GatewayTrouble, Outcome, ReceiptData
from tests.gateway.air import ADDRESS, OTHER, START, Time, frame, from_hub


def key(generation: int, *, enrolment: int = 1, address: str = ADDRESS) -> DeviceKey:
    secret = bytes((generation, enrolment)) * 8
    return DeviceKey(address=address, enrolment=enrolment, generation=generation, key=secret)


def beat(counter: int, under: DeviceKey) -> bytes:
    return frame(counter, key=under.key)


def alarm(counter: int, under: DeviceKey, *, sequence: int = 1) -> bytes:
    return frame(counter, sequence=sequence, cause=Cause.PANIC, stage=Stage.ALARM, key=under.key)


class Hearing:
    """An ear on a keyring that changes."""

    def __init__(self, *keys: DeviceKey) -> None:
        self.time = Time()
        self.published: list[tuple[bytes, str]] = []
        self.answered: list[bytes] = []
        self.keyring = Keyring(keys)
        self.ear = Ear(
            self.keyring,
            {},
            publish=lambda heard, device, _: self.published.append((heard.frame, device)),
            answer=lambda heard, _: self.answered.append(heard.frame),
            now=self.time(),
        )

    def hear(self, *frames: bytes) -> None:
        for each in frames:
            self.ear.hear(ADDRESS, each, -60, self.time())

    def alive(self) -> list[bytes]:
        return [heard.frame for heard, _ in self.ear.presence.take()[0]]


def test_a_frame_is_opened_under_whichever_key_it_was_sealed_and_says_which() -> None:
    for generation in (3, 2):
        report, opened = open_frame([key(3), key(2)], beat(7, key(generation)))
        assert (report.counter, opened) == (7, key(generation))
    with pytest.raises(AuthenticationError):
        open_frame([key(3), key(2)], beat(7, key(1)))


def test_a_new_key_counts_from_the_next_advertisement_on() -> None:
    hearing = Hearing(key(1))
    hearing.hear(beat(1, key(2)))
    hearing.keyring.replace([key(2), key(1)])
    hearing.hear(beat(1, key(2)))
    assert hearing.alive() == [beat(1, key(2))]
    assert hearing.ear.refused == {"authentication": 1}


def test_under_a_new_generation_a_known_event_is_not_published_again() -> None:
    hearing = Hearing(key(1))
    hearing.hear(alarm(1, key(1)))
    hearing.keyring.replace([key(2), key(1)])
    hearing.hear(alarm(2, key(2)))
    assert len(hearing.published) == 1
    assert hearing.answered == [alarm(1, key(1)), alarm(2, key(2))]


def test_counters_go_on_under_a_new_generation() -> None:
    hearing = Hearing(key(1))
    hearing.hear(beat(50, key(1)))
    hearing.keyring.replace([key(2), key(1)])
    hearing.hear(beat(51, key(2)), beat(50, key(2)))
    assert hearing.ear.refused == {"replay": 1}


def test_who_has_an_old_key_can_neither_pass_for_alive_nor_silence_the_device_by_a_high_counter() -> None:
    hearing = Hearing(key(2), key(1))
    hearing.hear(beat(10, key(2)))
    hearing.alive()
    hearing.hear(beat(4_000_000_000, key(1)))
    assert hearing.alive() == []
    hearing.hear(beat(11, key(2)))
    assert hearing.alive() == [beat(11, key(2))]


def test_an_alarm_under_an_old_generation_goes_to_the_hub_all_the_same() -> None:
    hearing = Hearing(key(2), key(1))
    hearing.hear(beat(10, key(2)), alarm(3, key(1)))
    assert hearing.published == [(alarm(3, key(1)), f"{ADDRESS}/1")]
    assert hearing.answered == []


def test_a_device_that_was_wiped_and_enrolled_anew_repeats_no_event() -> None:
    hearing = Hearing(key(1))
    hearing.hear(alarm(9, key(1)))
    hearing.keyring.replace([key(0, enrolment=2)])
    hearing.hear(alarm(1, key(0, enrolment=2)))
    assert hearing.published[1:] == [(alarm(1, key(0, enrolment=2)), f"{ADDRESS}/2")]


def test_a_device_off_the_keyring_is_a_stranger_and_back_on_it_is_the_one_it_was() -> None:
    hearing = Hearing(key(1))
    hearing.hear(alarm(5, key(1)))
    hearing.keyring.replace([key(1, address=OTHER)])
    hearing.ear.presence.take()
    hearing.hear(alarm(6, key(1), sequence=2))
    assert (len(hearing.published), hearing.ear.presence.take()) == (1, ([], 1))
    hearing.keyring.replace([key(1)])
    hearing.hear(alarm(5, key(1)), beat(4, key(1)))
    assert (len(hearing.published), hearing.ear.refused) == (1, {"replay": 1})


def test_a_repeat_of_what_was_heard_under_a_key_that_is_gone_is_no_sign_of_life() -> None:
    hearing = Hearing(key(1))
    hearing.hear(beat(5, key(1)))
    hearing.keyring.replace([key(2)])
    hearing.hear(beat(5, key(1)))
    assert hearing.ear.refused == {"authentication": 1}


def receipt(under: DeviceKey) -> ReceiptData:
    value = from_hub(downlink.KIND_RECEIPT, 1, layout.STAGE_ALARM, key=under.key)
    return ReceiptData(event="c0ffee000001-1-1-2", outcome=Outcome.RECORDED, address=ADDRESS, downlink=value)


EVENT = Outgoing("c0ffee000001-1-1-2", Rank.ALARM, b"{}", START, device_name(key(1)))


def test_the_receipt_of_an_event_heard_under_a_former_generation_is_believed() -> None:
    keyring = Keyring([key(1)])
    keyring.replace([key(2)])
    keyring.replace([])
    assert receipts.belongs(receipt(key(1)), EVENT, keyring)
    assert ADDRESS not in keyring


def test_a_receipt_under_the_key_of_another_enrolment_is_not_believed() -> None:
    keyring = Keyring([key(1, enrolment=2)], former=[key(1)])
    assert receipts.belongs(receipt(key(1)), EVENT, keyring)
    assert not receipts.belongs(receipt(key(1, enrolment=2)), EVENT, keyring)


def test_former_keys_are_bounded_newest_first_and_none_of_them_is_in_force() -> None:
    keyring = Keyring()
    for generation in range(FORMER_MAX + 3):
        keyring.replace([key(generation)])
    newest = FORMER_MAX + 2
    assert keyring.former == {ADDRESS: tuple(key(newest - step) for step in range(1, FORMER_MAX + 1))}
    keyring.replace([key(newest - 1)])
    assert keyring.former[ADDRESS][0] == key(newest)
    assert key(newest - 1) not in keyring.former[ADDRESS]


def test_a_keyring_that_is_forgotten_proves_nothing_any_more() -> None:
    keyring = Keyring([key(2)], former=[key(1)])
    keyring.forget()
    assert (len(keyring), keyring.proving(f"{ADDRESS}/1")) == (0, ())


def test_two_keys_by_hand_are_two_enrolments() -> None:
    assert device_name(by_hand(ADDRESS, bytes(16))) != device_name(by_hand(ADDRESS, bytes(range(16))))


def test_the_first_refusal_is_reported_at_once_and_a_flood_of_them_once_in_ten_minutes() -> None:
    time, said = Time(), list[tuple[GatewayTrouble, str]]()
    refusals = Refusals(lambda trouble, what, _: said.append((trouble, what)))
    for _ in range(1000):
        refusals.note("a forged receipt", time())
    assert said == [(GatewayTrouble.REFUSED, "a forged receipt")]
    refusals.note("a forged receipt", time.pass_(SAY_EVERY_S))
    assert said[1:] == [(GatewayTrouble.REFUSED, "a forged receipt, and 999 before it")]
