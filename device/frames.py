"""Frames for the air: no counter twice, each sealed on its own, all of one length.

The counter is the nonce. It is reserved in the store in blocks before any of a block is used, so that a crash at any
moment skips numbers and repeats none.
"""

import struct

from device.ports import Ecb, Store
from protocols.ble import ccm, layout

BLOCK = 256
FLAGS = b"\x02\x01\x06"
"""Advertising data: general discoverable, no classic Bluetooth."""

_UUID = b"\xd2\xfc"
_INFORMATION = 0x41  # BTHome version 2, encrypted
_MIC_SIZE = 4


def advertisement(service_data: bytes) -> bytes:
    """The 31 bytes of a legacy advertisement."""
    return FLAGS + bytes((len(service_data) + 3, 0x16)) + _UUID + service_data


class Frames:
    """Numbers and seals frames.

    Attributes:
        epoch: how many times the device has started, this time included (16 bits).
        counter: of the next frame.
        failing: the store did not take the last reservation. Frames go on: an alarm with a number that a later crash
            may repeat is better than none.
    """

    def __init__(self, ecb: Ecb, address: bytes, store: Store) -> None:
        self._ecb = ecb
        self._address = address
        self._store = store
        self._reserved = 0
        self._packet_id = 0
        self.epoch = 0
        self.counter = 0
        self.failing = False

    def start(self) -> None:
        """Count the start and reserve the first block, in one save."""
        epoch, self.counter = self._store.load()
        self.epoch = (epoch + 1) & 0xFFFF
        self._reserved = self.counter
        self._reserve()

    def _reserve(self) -> None:
        try:
            self._store.save(self.epoch, self.counter + BLOCK)
        except OSError:
            self.failing = True
        else:
            self._reserved = self.counter + BLOCK
            self.failing = False

    def seal(self, battery: int, button: int, raw: bytes) -> "tuple[int, bytes]":
        """The counter and the service data of a new frame; ``raw`` from :func:`layout.pack`."""
        if self.counter >= self._reserved:
            self._reserve()
        counter = self.counter
        self.counter += 1
        self._packet_id = (self._packet_id + 1) & 0xFF
        body = layout.body(self._packet_id, battery, button, raw)
        number = struct.pack("<I", counter)
        nonce = self._address + _UUID + bytes((_INFORMATION,)) + number
        sealed = ccm.seal(self._ecb, nonce, body, _MIC_SIZE)
        return counter, bytes((_INFORMATION,)) + sealed[:-_MIC_SIZE] + number + sealed[-_MIC_SIZE:]
