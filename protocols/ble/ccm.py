"""AES-CCM (RFC 3610, L = 2, no associated data) from a bare AES-ECB block. Runs on MicroPython and CPython.

The wearable has an AES block and nothing else; hub and gateway open the same bytes with ``cryptography``.
``ecb`` is a function from 16 bytes to 16 bytes.
"""

import struct


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes([a ^ b for a, b in zip(left, right)])  # noqa: B905 - MicroPython's zip has no strict


def _blocks(message: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a generator; MicroPython has no typing
    for start in range(0, len(message), 16):
        yield message[start : start + 16]


def _tag(ecb, nonce: bytes, message: bytes, size: int) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
    flags = ((size - 2) // 2) << 3 | 1
    state = ecb(bytes([flags]) + nonce + struct.pack(">H", len(message)))
    for block in _blocks(message):
        state = ecb(_xor(state, block + bytes(16 - len(block))))
    return bytes(state[:size])


def _stream(ecb, nonce: bytes, counter: int) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return ecb(b"\x01" + nonce + struct.pack(">H", counter))  # type: ignore[no-any-return]


def _crypt(ecb, nonce: bytes, message: bytes) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
    out = b""
    counter = 1
    for block in _blocks(message):
        out += _xor(block, _stream(ecb, nonce, counter))
        counter += 1
    return out


def seal(ecb, nonce: bytes, message: bytes, size: int) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Ciphertext followed by a tag of ``size`` bytes; ``nonce`` is 13 bytes."""
    tag = _xor(_tag(ecb, nonce, message, size), _stream(ecb, nonce, 0))
    return _crypt(ecb, nonce, message) + tag


def open_(ecb, nonce: bytes, sealed: bytes, size: int) -> "bytes | None":  # type: ignore[no-untyped-def]  # noqa: ANN001
    """The message, or ``None`` when the tag is wrong. Compares in constant time."""
    message = _crypt(ecb, nonce, sealed[:-size])
    expected = _xor(_tag(ecb, nonce, message, size), _stream(ecb, nonce, 0))
    difference = 0
    for a, b in zip(expected, sealed[-size:]):  # noqa: B905
        difference |= a ^ b
    return None if difference else message
