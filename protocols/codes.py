"""The code that a person carries from the hub to a new gateway: a secret, and by what the gateway knows the hub.

``SSSS-SSSS-SSSS-FFFF-FFFF-FFFF-FFFF`` in Crockford's base 32 (no I, L, O, U): 60 bits of secret, then the first 80 bits
of the SHA-256 of the hub's certificate authority (DER). See :mod:`protocols.enrolment`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SECRET_BITS: Final = 60
FINGERPRINT_BITS: Final = 80
_BITS: Final = 5
_SECRET_LENGTH: Final = SECRET_BITS // _BITS
_FULL_LENGTH: Final = _SECRET_LENGTH + FINGERPRINT_BITS // _BITS
_MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0"})
_GROUP: Final = 4


class CodeError(ValueError):
    """Text that is no code.

    Attributes:
        reason: ``length`` or ``letters``.
    """

    def __init__(self, reason: str) -> None:
        told = {"length": "a code has 12 or 28 letters and digits", "letters": "a code has only letters and digits"}
        super().__init__(told[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Code:
    """A code, read.

    Attributes:
        secret: 12 symbols.
        fingerprint: 16 symbols; empty where the hub's certificate is one that the operating system trusts.
    """

    secret: str
    fingerprint: str = ""

    def __str__(self) -> str:
        """As printed."""
        symbols = self.secret + self.fingerprint
        return "-".join(symbols[at : at + _GROUP] for at in range(0, len(symbols), _GROUP))

    @property
    def digest(self) -> str:
        """What the hub keeps of it."""
        return sha256(b"tocsin enrolment code " + self.secret.encode()).hexdigest()

    def names(self, authority: bytes) -> bool:
        """Whether the authority (DER) is the one that this code tells of."""
        return bool(self.fingerprint) and self.fingerprint == fingerprint(authority)


def read(text: str) -> Code:
    """What somebody typed. Case, hyphens and white space do not matter; I, L and O are read as 1, 1 and 0.

    Raises:
        CodeError: it can't be a code.
    """
    symbols = re.sub(r"[-\s]", "", text).upper().translate(_MISREAD)
    if not set(symbols) <= set(ALPHABET):
        raise CodeError("letters")
    if len(symbols) not in {_SECRET_LENGTH, _FULL_LENGTH}:
        raise CodeError("length")
    return Code(symbols[:_SECRET_LENGTH], symbols[_SECRET_LENGTH:])


def make(secret: int, authority: bytes | None) -> Code:
    """A code of 60 random bits, for a hub with this authority (DER)."""
    return Code(_symbols(secret, SECRET_BITS), "" if authority is None else fingerprint(authority))


def fingerprint(authority: bytes) -> str:
    """The first 80 bits of the SHA-256 of a certificate (DER), as 16 symbols."""
    return _symbols(int.from_bytes(sha256(authority).digest()[: FINGERPRINT_BITS // 8], "big"), FINGERPRINT_BITS)


def _symbols(value: int, bits: int) -> str:
    return "".join(ALPHABET[value >> at & 31] for at in range(bits - _BITS, -1, -_BITS))
