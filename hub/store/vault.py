"""Secrets at rest: sealed under a key that is never in the database.

AES-256-GCM (NIST SP 800-38D). A sealed value is ``key id (4) | nonce (12) | ciphertext and tag``; it opens only in the
context it was sealed for, so that a row copied over another is noticed. The file holds one key per line, 64 hexadecimal
digits; the first one seals, all of them open.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.disk import sync_folder
from tocsin.settings import SettingsError, read_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

KEY_SIZE: Final = 32
ID_SIZE: Final = 4
_NONCE_SIZE: Final = 12


class SealedError(Exception):
    """A sealed value that can't be opened.

    Attributes:
        context: what it is.
        reason: ``key`` (sealed under a key that is not in the file) or ``damaged``.
    """

    def __init__(self, context: str, reason: str) -> None:
        told = {"key": "sealed under a key that is not in the key file", "damaged": "damaged, or of something else"}
        super().__init__(f"{context}: {told[reason]}")
        self.context = context
        self.reason = reason


class Vault:
    """Seals and opens.

    Args:
        keys: of 32 bytes, the one that seals first.
        again: reads them anew: somebody may change the keys while this program runs. They are read before anything is
            sealed, and when something is sealed under a key that is not known.
    """

    def __init__(self, keys: Sequence[bytes], again: Callable[[], Sequence[bytes]] | None = None) -> None:
        self._again = again
        self._ring = _ring(keys)

    def seal(self, value: bytes, context: str) -> bytes:
        """Seal under the newest key.

        Raises:
            SettingsError: the keys can't be read any more; what is sealed now could never be opened.
        """
        self._read_again()
        newest, ciphers = self._ring
        nonce = secrets.token_bytes(_NONCE_SIZE)
        return newest + nonce + ciphers[newest].encrypt(nonce, value, context.encode())

    def _read_again(self) -> None:
        if self._again is not None:
            self._ring = _ring(self._again())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The value.

        Raises:
            SealedError: not under these keys, or not in this context.
        """
        cipher = self._cipher(sealed[:ID_SIZE])
        if cipher is None:
            raise SealedError(context, "key")
        nonce, rest = sealed[ID_SIZE : ID_SIZE + _NONCE_SIZE], sealed[ID_SIZE + _NONCE_SIZE :]
        try:
            return cipher.decrypt(nonce, rest, context.encode())
        except (InvalidTag, ValueError):
            raise SealedError(context, "damaged") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether it is sealed under the newest key."""
        return sealed[:ID_SIZE] == self._ring[0]

    def _cipher(self, number: bytes) -> AESGCM | None:
        if number not in self._ring[1]:
            with suppress(SettingsError):
                self._read_again()
        return self._ring[1].get(number)


def _ring(keys: Sequence[bytes]) -> tuple[bytes, dict[bytes, AESGCM]]:
    """The newest key's id, and all by id."""
    return key_id(keys[0]), {key_id(key): AESGCM(key) for key in keys}


def key_id(key: bytes) -> bytes:
    return sha256(b"tocsin vault" + key).digest()[:ID_SIZE]


def new_key() -> bytes:
    return secrets.token_bytes(KEY_SIZE)


def read(path: Path) -> Vault:
    """The vault whose keys are in a file.

    Raises:
        SettingsError: it can't be read, or holds something else.
    """
    return Vault(keys_in(path), partial(keys_in, path))


def keys_in(path: Path) -> list[bytes]:
    """The keys themselves, the one that seals first.

    Raises:
        SettingsError: the file can't be read, or holds something else.
    """
    try:
        keys = [bytes.fromhex(line) for line in read_secret(path).split()]
    except ValueError:
        raise SettingsError(str(path), ["is not hexadecimal"]) from None
    wrong = [f"line {number}: {len(key)} bytes, a key has {KEY_SIZE}" for number, key in enumerate(keys, 1)
             if len(key) != KEY_SIZE]  # fmt: skip
    if wrong:
        raise SettingsError(str(path), wrong)
    if not keys:
        raise SettingsError(str(path), ["holds no key"])
    return keys


def read_or_make(path: Path) -> Vault:
    """The same; a file that is not there is made, readable by its owner alone."""
    if not path.exists():
        _make(path)
    return read(path)


def _make(path: Path) -> None:
    """A new key, unless another replica on this machine is faster."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write(fresh, [new_key()])
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
    sync_folder(path.parent)


def write(path: Path, keys: Sequence[bytes]) -> None:
    """Replace the file; on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("".join(f"{key.hex()}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
