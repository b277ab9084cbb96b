from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ble import aes, bthome, ccm, layout
from protocols.ble.bthome import (
    AuthenticationError,
    BodyError,
    CounterGuard,
    FrameError,
    FrameLengthError,
    PlainTextError,
    ReplayError,
    VersionError,
)
from protocols.events import Cause, Stage, Told
from protocols.ids import Address
from tests.hub.desk import Alarm

ADDRESS = Address("54:48:E6:8F:80:A5")
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
GOLDEN = bytes.fromhex("41a47266c95f730011223378237214")
"""The encryption example of the BTHome v2 format page (bthome.io), also a test of bthome-ble."""


def test_the_published_bthome_vector_opens() -> None:
    assert bthome.open_objects(ADDRESS, KEY, GOLDEN) == bytes.fromhex("02ca0903bf13")


def test_the_portable_cipher_seals_the_published_bthome_vector() -> None:
    nonce = bthome.nonce(ADDRESS, 0x41, 0x33221100)
    sealed = ccm.seal(aes.block(KEY), nonce, bytes.fromhex("02ca0903bf13"), 4)
    assert sealed.hex() == "a47266c95f73" + "78237214"


def test_the_portable_cipher_agrees_with_openssl_on_a_tag_of_eight_bytes() -> None:
    """The vectors of RFC 3610 all carry associated data, which BTHome has not."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    nonce, message = bytes(range(13)), bytes(range(40))
    assert ccm.seal(aes.block(KEY), nonce, message, 8) == AESCCM(KEY, tag_length=8).encrypt(nonce, message, None)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=13, max_size=13), st.binary(max_size=70))
def test_the_portable_cipher_agrees_with_openssl(key: bytes, nonce: bytes, message: bytes) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    sealed = ccm.seal(aes.block(key), nonce, message, 4)
    assert sealed == AESCCM(key, tag_length=4).encrypt(nonce, message, None)
    assert ccm.open_(aes.block(key), nonce, sealed, 4) == message


@given(
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.sampled_from(Cause),
    st.sampled_from(Stage),
    st.integers(0, 7600),
    st.sampled_from(Told),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_the_seven_bytes_say_what_was_packed(
    epoch: int,
    sequence: int,
    cause: Cause,
    stage: Stage,
    age_s: int,
    told: Told,
    not_worn: bool,
    charging: bool,
    fault: bool,
) -> None:
    raw = layout.pack(epoch, sequence, cause, stage, age_s, told, not_worn, charging, fault)
    report = bthome.decode(ADDRESS, KEY, _sealed(layout.body(7, 55, 0, raw), counter=9))
    assert (report.identity.epoch, report.identity.sequence) == (epoch, sequence)
    assert (report.cause, report.stage, report.told) == (cause, stage, told)
    assert (report.worn, report.charging, report.fault) == (not not_worn, charging, fault)
    assert report.battery == 55
    assert report.age_s is not None
    assert 0 <= age_s - report.age_s < 60


def _sealed(body: bytes, counter: int) -> bytes:
    sealed = ccm.seal(aes.block(KEY), bthome.nonce(ADDRESS, 0x41, counter), body, 4)
    return b"\x41" + sealed[:-4] + counter.to_bytes(4, "little") + sealed[-4:]


def test_our_frame_to_the_bit() -> None:
    """Epoch 0x0102, sequence 0x0304, panic, alarm, 5 s old, stored, charging; battery 80 %, long press."""
    raw = layout.pack(0x0102, 0x0304, layout.CAUSE_PANIC, layout.STAGE_ALARM, 5, layout.TOLD_STORED, False, True, False)
    assert raw.hex() == "0201" + "0403" + "41" + "05" + "12"
    assert layout.body(9, 80, layout.BUTTON_LONG, raw).hex() == "0009" + "0150" + "3a04" + "5407" + raw.hex()


def test_a_frame_fits_a_legacy_advertisement() -> None:
    flags, head = 3, 1 + 1 + 2
    assert flags + head + bthome.FRAME_SIZE == 31


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, 0), (127, 127), (128, 120), (7680, 7680), (7741, None), (10**6, None)]
)
def test_an_age_is_kept_to_the_second_then_to_the_minute_then_unknown(seconds: int, shown: int | None) -> None:
    assert layout.decode_age(layout.encode_age(seconds)) == shown


def test_a_wrong_key_is_an_authentication_error_with_the_counter_it_claimed() -> None:
    with pytest.raises(AuthenticationError) as caught:
        bthome.decode(ADDRESS, bytes(16), _sealed(bytes(15), counter=77))
    assert caught.value.counter == 77
    assert caught.value.address == ADDRESS


def test_plain_text_is_refused_as_a_downgrade() -> None:
    with pytest.raises(PlainTextError):
        bthome.decode(ADDRESS, KEY, bytes.fromhex("40000901503a04"))


def test_other_versions_are_named() -> None:
    with pytest.raises(VersionError) as caught:
        bthome.decode(ADDRESS, KEY, b"\x21" + bytes(23))
    assert (caught.value.what, caught.value.version) == ("BTHome", 1)
    raw = bytes(6) + b"\x40"
    with pytest.raises(VersionError) as caught:
        bthome.decode(ADDRESS, KEY, _sealed(layout.body(1, 50, 0, raw), counter=1))
    assert (caught.value.what, caught.value.version) == ("layout", 1)


def test_values_that_mean_nothing_are_refused_although_they_are_authentic() -> None:
    raw = bytes(4) + b"\x1f" + bytes(2)
    with pytest.raises(BodyError):
        bthome.decode(ADDRESS, KEY, _sealed(layout.body(1, 50, 0, raw), counter=1))
    with pytest.raises(BodyError):
        bthome.decode(ADDRESS, KEY, _sealed(bytes(15), counter=1))


@pytest.mark.parametrize("size", [0, 1, 8, 23, 25, 200])
def test_every_other_length_is_refused(size: int) -> None:
    with pytest.raises(FrameLengthError) as caught:
        bthome.decode(ADDRESS, KEY, (b"\x41" + bytes(size))[:size])
    assert caught.value.size == size


@given(st.binary(max_size=255))
def test_random_bytes_are_a_typed_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(FrameError):
        bthome.decode(ADDRESS, KEY, data)


def test_a_counter_passes_once() -> None:
    guard = CounterGuard()
    guard.check(ADDRESS, 5)
    with pytest.raises(ReplayError) as caught:
        guard.check(ADDRESS, 5)
    assert (caught.value.counter, caught.value.last) == (5, 5)
    guard.check(ADDRESS, 6)


def test_every_reason_is_its_own() -> None:
    kinds = [FrameLengthError, PlainTextError, VersionError, AuthenticationError, BodyError, ReplayError]
    assert len({kind.reason for kind in kinds}) == len(kinds)


def test_the_hubs_test_alarm_speaks_the_same_frames() -> None:
    alarm = Alarm()
    report = bthome.decode(alarm.address, alarm.key, alarm.event(Cause.FALL, Stage.PRE_ALARM, age_s=3))
    assert (report.cause, report.stage, report.age_s) == (Cause.FALL, Stage.PRE_ALARM, 3)
