"""The AES block that :mod:`protocols.ble.ccm` builds on, for programs that have ``cryptography``."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Callable


@lru_cache(maxsize=4096)
def block(key: bytes) -> Callable[[bytes], bytes]:
    """AES-ECB of single blocks under ``key`` (16 bytes)."""
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305 - the building block of CCM
