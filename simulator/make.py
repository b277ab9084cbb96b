"""The identity of a virtual alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.ids import Address


@dataclass(frozen=True, slots=True)
class Make:
    """What is burnt into one device.

    Attributes:
        name: of the station on the radio.
        address: its Bluetooth address.
        key: 16 bytes.
    """

    name: str
    address: Address
    key: bytes
