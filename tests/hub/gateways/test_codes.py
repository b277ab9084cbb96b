"""What a person reads off the console and types at the gateway."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import codes
from protocols.codes import Code, CodeError

SECRETS = st.integers(min_value=0, max_value=2**codes.SECRET_BITS - 1)
AUTHORITY = b"a certificate"


@given(SECRETS, st.none() | st.binary(min_size=1, max_size=50))
def test_what_is_printed_is_read_again(secret: int, authority: bytes | None) -> None:
    code = codes.make(secret, authority)
    assert codes.read(str(code)) == code
    assert len(str(code)) == (14 if authority is None else 34)


@given(SECRETS)
def test_case_hyphens_white_space_and_look_alikes_do_not_matter(secret: int) -> None:
    code = codes.make(secret, AUTHORITY)
    typed = str(code).lower().replace("-", " \t").replace("0", "o").replace("1", "l")
    assert codes.read(typed) == code


@given(SECRETS, SECRETS)
def test_two_codes_have_two_digests(one: int, other: int) -> None:
    same = codes.make(one, None).digest == codes.make(other, AUTHORITY).digest
    assert same is (one == other)


def test_a_code_names_its_authority_and_no_other() -> None:
    code = codes.make(7, AUTHORITY)
    assert code.names(AUTHORITY)
    assert not code.names(b"another certificate")
    assert not codes.make(7, None).names(AUTHORITY)


def test_a_fingerprint_is_the_first_80_bits_of_sha256_in_crockfords_base_32() -> None:
    # SHA-256("abc") begins ba7816bf8f01cfea4141 (FIPS 180-4, appendix B.1)
    assert codes.fingerprint(b"abc") == _base32(0xBA7816BF8F01CFEA4141)


def _base32(value: int) -> str:
    bits = f"{value:080b}"
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[at : at + 5], 2)] for at in range(0, 80, 5))


LENGTH = ["", "ABCD-EFGH", "0" * 13]
LETTERS = ["U" * 12, "é" * 12]


@pytest.mark.parametrize(
    ("text", "reason"), [*((one, "length") for one in LENGTH), *((one, "letters") for one in LETTERS)]
)
def test_other_text_is_no_code(text: str, reason: str) -> None:
    with pytest.raises(CodeError) as wrong:
        codes.read(text)
    assert wrong.value.reason == reason


def test_the_secret_alone_is_enough() -> None:
    code = codes.make(123456789, AUTHORITY)
    assert codes.read(code.secret).digest == code.digest
    assert codes.read(code.secret) == Code(code.secret)
