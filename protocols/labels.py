"""What is printed on a device's label: its address and its root key, for a camera and for a person.

- QR: ``tocsin:device?a=C0FFEE000001&k=<root key, base 32 (RFC 4648), 26 characters>&c=<4 characters>``; ``c`` is the
  beginning of the base 32 of the SHA-256 of the text before ``&c``.
- Typed: nine groups of five of Crockford's base 32 (no I, L, O, U), ``XXXXX-XXXXX-…``: four symbols of address (48
  bits) and key (128 bits), padded with four zero bits, and a check symbol. The check is a sum over GF(32) in which
  every place and every group has a weight of its own: any one wrong symbol, two that were swapped, or two groups, are
  noticed, and the group is named.

Whoever reads a label can speak for the device: keep it like a key.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl

from protocols.codes import ALPHABET
from protocols.ids import Address, AddressError

KEY_SIZE: Final = 16
GROUPS: Final = 9
GROUP: Final = 5
_SCHEME: Final = "tocsin:device?"
_BITS: Final = 5
_PADDING: Final = 4
_CHECK: Final = 4
_KEY_TEXT: Final = 26
_MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0"})
_VALUES: Final = {symbol: value for value, symbol in enumerate(ALPHABET)}
_HEX: Final = re.compile(r"[0-9A-F]{32}")
_ADDRESS: Final = re.compile(r"[0-9A-F]{12}")


class LabelError(ValueError):
    """Text that is neither label nor key.

    Attributes:
        reason: ``empty``, ``letters``, ``length``, ``groups``, ``padding``, ``checksum``, ``address`` or ``key``.
        groups: numbers of the groups that are wrong, from 1, as far as that is known.
    """

    def __init__(self, reason: str, detail: str, groups: tuple[int, ...] = ()) -> None:
        super().__init__(detail)
        self.reason = reason
        self.groups = groups


@dataclass(frozen=True, slots=True)
class Label:
    """A device and its root key.

    Attributes:
        address: None where only a key was given.
        key: 16 bytes.
    """

    address: Address | None
    key: bytes = field(repr=False)


def uri(address: Address, key: bytes) -> str:
    """The content of the QR code."""
    text = f"{_SCHEME}a={address.octets.hex().upper()}&k={base64.b32encode(key).decode().rstrip('=')}"
    return f"{text}&c={_checksum(text)}"


def code(address: Address, key: bytes) -> str:
    """What a person types."""
    value = int.from_bytes(address.octets + key, "big") << _PADDING
    symbols = [value >> at & 31 for at in range((GROUPS * (GROUP - 1) - 1) * _BITS, -1, -_BITS)]
    return "-".join(_group(number, symbols[number * 4 : number * 4 + 4]) for number in range(GROUPS))


def read(text: str) -> Label:
    """The label or the bare key that somebody scanned or typed.

    Args:
        text: the content of the QR code; the typed code; or a key of 32 hexadecimal digits. In the latter two, case,
            spaces, hyphens and colons do not matter.

    Raises:
        LabelError: it is none of them, or has a mistake.
    """
    stripped = text.strip()
    if stripped.lower().startswith(_SCHEME):
        return _from_uri(stripped)
    symbols = re.sub(r"[-:\s]", "", stripped).upper()
    if not symbols:
        raise LabelError("empty", "there is no key")
    if _HEX.fullmatch(symbols):
        return Label(None, bytes.fromhex(symbols))
    return _from_code(symbols.translate(_MISREAD))


def _from_uri(text: str) -> Label:
    head, _, check = text.partition("&c=")
    if check.upper() != _checksum(head):
        raise LabelError("checksum", "the QR code is damaged: its checksum is wrong")
    fields = dict(parse_qsl(head.partition("?")[2]))
    return Label(_address(fields.get("a", "")), _key(fields.get("k", "")))


def _key(text: str) -> bytes:
    try:
        key = base64.b32decode(f"{text}======") if len(text) == _KEY_TEXT else b""
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise LabelError("key", "the QR code holds no key of a device")
    return key


def _address(digits: str) -> Address:
    try:
        if _ADDRESS.fullmatch(digits):
            return Address(":".join(digits[at : at + 2] for at in range(0, 12, 2)))
    except AddressError:  # pragma: no cover - twelve hexadecimal digits are one
        pass
    raise LabelError("address", "the QR code holds no address of a device")


def _from_code(symbols: str) -> Label:
    strange = sorted(set(symbols) - set(ALPHABET))
    if strange:
        raise LabelError("letters", f"a code has only letters and digits without U, not {' '.join(strange)}")
    if len(symbols) != GROUPS * GROUP:
        raise LabelError(
            "length",
            f"{len(symbols)} letters and digits; a code has {GROUPS} groups of {GROUP}, a bare key 32 digits 0-9 A-F",
        )
    groups = [symbols[at : at + GROUP] for at in range(0, len(symbols), GROUP)]
    wrong = tuple(number + 1 for number, group in enumerate(groups) if group != _group(number, _values(group)[:-1]))
    if wrong:
        named = ", ".join(str(number) for number in wrong)
        raise LabelError("groups", f"there is a mistake in group {named}", wrong)
    return _label([value for group in groups for value in _values(group)[:-1]])


def _label(values: list[int]) -> Label:
    number = 0
    for value in values:
        number = number << _BITS | value
    if number & ((1 << _PADDING) - 1):
        raise LabelError("padding", f"there is a mistake in group {GROUPS}", (GROUPS,))
    octets = (number >> _PADDING).to_bytes(6 + KEY_SIZE, "big")
    return Label(_address(octets[:6].hex().upper()), octets[6:])


def _values(group: str) -> list[int]:
    return [_VALUES[symbol] for symbol in group]


def _group(number: int, values: list[int]) -> str:
    return "".join(ALPHABET[value] for value in [*values, _check(number, values)])


def _check(number: int, values: list[int]) -> int:
    """Sum of symbol times 2 to its place, and of the group's number: linear, every weight another, none zero."""
    total = _times_power(number + 1, len(values) + 1)
    for place, value in enumerate(values, 1):
        total ^= _times_power(value, place)
    return total


def _times_power(value: int, power: int) -> int:
    """``value`` times 2 to the ``power`` in GF(32), modulo x^5 + x^2 + 1."""
    for _ in range(power):
        value <<= 1
        if value & 32:
            value ^= 0b100101
    return value


def _checksum(text: str) -> str:
    return base64.b32encode(sha256(text.encode()).digest()).decode()[:_CHECK]
