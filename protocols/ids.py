"""Names of things, each its own type so that two of them can't be swapped unnoticed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType, Self

OrganisationId = NewType("OrganisationId", str)
GatewayId = NewType("GatewayId", str)
DeviceId = NewType("DeviceId", str)
WorkerId = NewType("WorkerId", str)
PlaceId = NewType("PlaceId", str)
SessionId = NewType("SessionId", str)
IncidentId = NewType("IncidentId", str)

NAME = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
"""An organisation's or gateway's id: one MQTT topic level, one file name, one DNS label."""

_ADDRESS = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2}){5}")


class AddressError(ValueError):
    """Text that is no Bluetooth address.

    Attributes:
        text: what was given.
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"not a Bluetooth address (AA:BB:CC:DD:EE:FF): {text!r}")
        self.text = text


class Address(str):
    """A Bluetooth device address in the usual notation, upper case: ``C0:FF:EE:00:00:01``."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        upper = text.upper()
        if not _ADDRESS.fullmatch(upper):
            raise AddressError(text)
        return super().__new__(cls, upper)

    @property
    def octets(self) -> bytes:
        """Six bytes, most significant first, as BTHome's nonce wants them."""
        return bytes.fromhex(self.replace(":", ""))


@dataclass(frozen=True, slots=True, order=True)
class EventIdentity:
    """Which event of a device: the same on every repeat, from every gateway and over GATT.

    Attributes:
        address: of the device.
        epoch: how many times the device had started (0-65535).
        sequence: how many events it had had since (0-65535); 0 = none yet.
    """

    address: Address
    epoch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.address}/{self.epoch}/{self.sequence}"
