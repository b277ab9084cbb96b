"""The identity of a virtual alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.ble import aes, keys

if TYPE_CHECKING:
    from protocols.ids import Address


@dataclass(frozen=True, slots=True)
class Make:
    """What is burnt into one device.

    Attributes:
        name: of the station on the radio.
        address: its Bluetooth address.
        key: the root key, 16 bytes.
    """

    name: str
    address: Address
    key: bytes

    def working_key(self, generation: int = 0) -> bytes:
        """Under which it speaks, as gateways may hold it."""
        return keys.working(aes.block(self.key), generation)
