from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.ble import aes, bthome, ccm, downlink
from protocols.ids import Address

ADDRESS = Address("C0:FF:EE:00:00:01")
KEY = bytes(range(16))
BLOCK = aes.block(KEY)


@given(
    st.integers(0, 3),
    st.integers(0, 2**32 - 1),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 255),
    st.integers(0, 255),
)
def test_what_is_sealed_opens_to_the_same(
    kind: int, counter: int, epoch: int, sequence: int, code: int, argument: int
) -> None:
    value = downlink.seal(BLOCK, ADDRESS.octets, kind, counter, epoch, sequence, code, argument)
    assert len(value) == downlink.SIZE
    assert downlink.open_(BLOCK, ADDRESS.octets, value) == (kind, counter, epoch, sequence, code, argument)


def test_to_the_bit() -> None:
    """Sealed by OpenSSL's AES-CCM with the nonce of the module's docstring."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    nonce = bytes.fromhex("c0ffee000001" + "70c5" + "01" + "07000000")
    body = AESCCM(KEY, tag_length=8).encrypt(nonce, bytes.fromhex("0300" + "0400" + "02" + "00"), None)
    assert downlink.seal(BLOCK, ADDRESS.octets, 1, 7, 3, 4, 2, 0) == bytes.fromhex("0107000000") + body


@given(st.binary(max_size=40))
def test_random_bytes_open_to_nothing(value: bytes) -> None:
    assert downlink.open_(BLOCK, ADDRESS.octets, value) is None


@given(st.integers(0, downlink.SIZE * 8 - 1))
def test_one_flipped_bit_anywhere_opens_to_nothing(bit: int) -> None:
    value = bytearray(downlink.seal(BLOCK, ADDRESS.octets, 2, 9, 1, 1, 3, 0))
    value[bit // 8] ^= 1 << bit % 8
    assert downlink.open_(BLOCK, ADDRESS.octets, bytes(value)) is None


def test_another_devices_downlink_opens_to_nothing() -> None:
    value = downlink.seal(BLOCK, ADDRESS.octets, 2, 9, 1, 1, 3, 0)
    assert downlink.open_(BLOCK, Address("C0:FF:EE:00:00:02").octets, value) is None
    assert downlink.open_(aes.block(bytes(16)), ADDRESS.octets, value) is None


@given(st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_no_nonce_of_one_direction_is_a_nonce_of_the_other(information: int, counter: int) -> None:
    up = bthome.nonce(ADDRESS, information, counter)
    down = downlink.nonce(ADDRESS.octets, information, counter)
    assert len(up) == len(down) == 13
    assert up != down


def test_an_uplink_frame_turned_round_is_no_downlink() -> None:
    sealed = ccm.seal(BLOCK, bthome.nonce(ADDRESS, 0x41, 1), bytes(6), downlink.TAG_SIZE)
    assert downlink.open_(BLOCK, ADDRESS.octets, b"\x41" + (1).to_bytes(4, "little") + sealed) is None
