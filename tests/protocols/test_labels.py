from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import labels
from protocols.codes import ALPHABET
from protocols.ids import Address
from protocols.labels import Label, LabelError

ADDRESS = Address("C0:FF:EE:00:00:01")
KEY = bytes(range(16))
ADDRESSES = st.binary(min_size=6, max_size=6).map(lambda octets: Address(octets.hex(":")))
KEYS = st.binary(min_size=16, max_size=16)


@given(ADDRESSES, KEYS)
def test_a_label_is_read_as_it_was_printed(address: Address, key: bytes) -> None:
    label = Label(address, key)
    assert labels.read(labels.uri(address, key)) == label
    assert labels.read(labels.code(address, key)) == label


@given(ADDRESSES, KEYS)
def test_it_is_read_however_it_is_typed(address: Address, key: bytes) -> None:
    code = labels.code(address, key)
    for typed in (
        code.lower(),
        code.replace("-", " "),
        code.replace("-", ""),
        code.replace("0", "O").replace("1", "l"),
    ):
        assert labels.read(f"  {typed}\n") == Label(address, key)


def test_a_bare_key_in_hexadecimal_has_no_address() -> None:
    digits = KEY.hex()
    grouped = " ".join(digits[at : at + 4] for at in range(0, 32, 4))
    for typed in (digits, digits.upper(), grouped, KEY.hex(":")):
        assert labels.read(typed) == Label(None, KEY)


@given(ADDRESSES, KEYS, st.integers(0, 44), st.sampled_from(ALPHABET))
def test_any_one_wrong_symbol_is_noticed_and_its_group_named(
    address: Address, key: bytes, at: int, instead: str
) -> None:
    symbols = labels.code(address, key).replace("-", "")
    wrong = symbols[:at] + instead + symbols[at + 1 :]
    if wrong == symbols:
        return
    with pytest.raises(LabelError) as caught:
        labels.read(wrong)
    assert caught.value.groups == (at // labels.GROUP + 1,)
    assert f"group {at // labels.GROUP + 1}" in str(caught.value)


@given(ADDRESSES, KEYS, st.integers(0, 43))
def test_two_neighbours_that_were_swapped_are_noticed(address: Address, key: bytes, at: int) -> None:
    symbols = labels.code(address, key).replace("-", "")
    swapped = symbols[:at] + symbols[at + 1] + symbols[at] + symbols[at + 2 :]
    if swapped == symbols:
        return
    with pytest.raises(LabelError):
        labels.read(swapped)


@given(ADDRESSES, KEYS, st.permutations(range(labels.GROUPS)))
def test_groups_in_another_order_are_noticed(address: Address, key: bytes, order: list[int]) -> None:
    groups = labels.code(address, key).split("-")
    typed = [groups[number] for number in order]
    if typed == groups:
        return
    with pytest.raises(LabelError) as caught:
        labels.read("-".join(typed))
    assert caught.value.groups == tuple(place + 1 for place, number in enumerate(order) if place != number)


@given(ADDRESSES, KEYS, st.integers(0, 200), st.characters(codec="ascii", exclude_categories=("C",)))
def test_a_damaged_qr_code_is_no_other_device(address: Address, key: bytes, at: int, instead: str) -> None:
    text = labels.uri(address, key)
    wrong = text[:at] + instead + text[at + 1 :]
    try:
        assert labels.read(wrong) == Label(address, key)
    except LabelError as refused:
        assert refused.reason in {"checksum", "letters", "length", "key", "address"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" -\n", "empty"),
        ("ABCDE-FGHJK", "length"),
        ("00" * 15, "length"),
        ("00" * 17, "length"),
        ("not a key!", "letters"),
        ("tocsin:device?a=C0FFEE000001&k=AAAA&c=AAAA", "checksum"),
        ("tocsin:device?", "checksum"),
    ],
)
def test_what_is_no_label_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(LabelError) as caught:
        labels.read(text)
    assert caught.value.reason == reason


@given(st.text(max_size=300))
def test_any_text_is_a_label_or_a_named_mistake(text: str) -> None:
    try:
        assert len(labels.read(text).key) == labels.KEY_SIZE
    except LabelError as refused:
        assert str(refused)


def test_a_label_does_not_show_its_key_when_it_is_logged() -> None:
    assert KEY.hex() not in repr(Label(ADDRESS, KEY))
    assert "key" not in repr(Label(ADDRESS, KEY))


def test_the_texts_are_those_that_are_documented() -> None:
    assert labels.uri(ADDRESS, KEY) == "tocsin:device?a=C0FFEE000001&k=AAAQEAYEAUDAOCAJBIFQYDIOB4&c=QQYD"
    assert labels.code(ADDRESS, KEY) == "R3ZY9-W000Q-0400Z-20G3H-0G2G6-C1R88-14504-P30D6-1R7GN"
