"""Frames for the air: no counter twice, each sealed on its own, all of one length.

The counter is the nonce, and goes on when the key changes. It is reserved in the store in blocks before any of a block
is used, so that a crash at any moment skips numbers and repeats none.
"""

import struct

from device.keys import Keys
from device.ports import Store
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

    def __init__(self, keys: Keys, address: bytes, store: Store) -> None:
        self._keys = keys
        self._address = address
        self._store = store
        self._reserved = 0
        self._packet_id = 0
        self.epoch = 0
        self.counter = 0
        self.failing = False

    def start(self) -> None:
        """Count the start and reserve the first block, in one save; speak under the key that was taken last."""
        epoch, self.counter, generation = self._store.load()
        self._keys.take(generation)
        self.epoch = (epoch + 1) & 0xFFFF
        self._reserved = self.counter
        self._reserve(generation)

    def rekey(self, generation: int) -> bool:
        """Take a higher generation: saved before it is used. False: the store did not take it, and nothing changed.

        A device that used what it did not save would fall back at its next start to a key that the hub has left.
        """
        if not self._reserve(generation):
            return False
        self._keys.take(generation)
        return True

    def _reserve(self, generation: int) -> bool:
        try:
            self._store.save(self.epoch, self.counter + BLOCK, generation)
        except OSError:
            self.failing = True
            return False
        self._reserved = self.counter + BLOCK
        self.failing = False
        return True

    def seal(self, battery: int, button: int, raw: bytes) -> "tuple[int, bytes]":
        """The counter and the service data of a new frame; ``raw`` from :func:`layout.pack`."""
        if self.counter >= self._reserved:
            self._reserve(self._keys.generation)
        counter = self.counter
        self.counter += 1
        self._packet_id = (self._packet_id + 1) & 0xFF
        body = layout.body(self._packet_id, battery, button, raw)
        number = struct.pack("<I", counter)
        nonce = self._address + _UUID + bytes((_INFORMATION,)) + number
        sealed = ccm.seal(self._keys.working, nonce, body, _MIC_SIZE)
        return counter, bytes((_INFORMATION,)) + sealed[:-_MIC_SIZE] + number + sealed[-_MIC_SIZE:]
