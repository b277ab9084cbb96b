from __future__ import annotations

import pytest
from bleak.assigned_numbers import AdvertisementDataType as Ad
from hypothesis import given
from hypothesis import strategies as st

from simulator.advertising_data import matches, merge, read, says_the_same, structures


def structure(kind: int, value: bytes) -> bytes:
    return bytes((1 + len(value), kind)) + value


@given(st.binary(max_size=62))
def test_any_bytes_are_read_without_complaint(data: bytes) -> None:
    heard = read(data, -50)
    assert says_the_same(merge(heard, heard), merge(merge(heard, heard), heard))


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20))), st.tuples(st.integers(0, 255), st.binary()))
def test_whole_structures_come_back_and_a_cut_one_does_not(
    whole: list[tuple[int, bytes]], last: tuple[int, bytes]
) -> None:
    data = b"".join(structure(kind, value) for kind, value in whole)
    assert list(structures(data)) == whole
    assert list(structures(data + structure(last[0], last[1][:200])[:-1])) == whole


@pytest.mark.parametrize(
    ("kind", "on_air", "uuid"),
    [
        (Ad.SERVICE_DATA_UUID16, "d2fc", "0000fcd2-0000-1000-8000-00805f9b34fb"),
        (Ad.SERVICE_DATA_UUID32, "78563412", "12345678-0000-1000-8000-00805f9b34fb"),
        (Ad.SERVICE_DATA_UUID128, "01007c5a1f6e2f9d4c4a5e0be0c56170", "7061c5e0-0b5e-4a4c-9d2f-6e1f5a7c0001"),
    ],
)
def test_uuids_of_each_length_are_read_from_the_air(kind: Ad, on_air: str, uuid: str) -> None:
    data = structure(kind, bytes.fromhex(on_air) + b"\x01")
    assert read(data, -50).service_data == {uuid: b"\x01"}
    list_kind = {Ad.SERVICE_DATA_UUID16: 3, Ad.SERVICE_DATA_UUID32: 5, Ad.SERVICE_DATA_UUID128: 7}[kind]
    assert read(structure(list_kind, bytes.fromhex(on_air) * 2), -50).service_uuids == [uuid, uuid]


def test_name_power_and_manufacturer_are_read() -> None:
    data = structure(0x08, b"Be") + structure(0x09, b"Bell") + structure(0x0A, b"\xf4") + structure(0xFF, b"\x4c\x00hi")
    heard = read(data, -70)
    assert (heard.local_name, heard.tx_power, heard.manufacturer_data, heard.rssi) == ("Bell", -12, {0x4C: b"hi"}, -70)


def test_what_is_new_wins_and_what_is_missing_stays() -> None:
    before = read(structure(0x09, b"Bell") + structure(0x16, b"\xd2\xfcold"), -70)
    after = merge(before, read(structure(0x16, b"\xd2\xfcnew"), -60))
    assert after.local_name == "Bell"
    assert list(after.service_data.values()) == [b"new"]
    assert after.rssi == -60


def test_a_pattern_wants_its_content_at_its_place_in_its_structure() -> None:
    data = structure(0x09, b"xx\xd2\xfc") + structure(0x16, b"\xd2\xfc\x41")
    assert matches(data, [(0, 0x16, b"\xd2\xfc")])
    assert matches(data, [(9, 0x16, b"\xd2"), (2, 0x09, b"\xd2\xfc")])
    assert not matches(data, [(1, 0x16, b"\xd2\xfc")])
