"""Which keys a gateway may hold, as long as every device has one key and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.cases.device_keys import keyring_version
from hub.store import directory
from protocols.enrolment import DeviceKey

if TYPE_CHECKING:
    from hub.store.store import Tx
    from protocols.ids import OrganisationId

__all__ = ["keyring", "keyring_version"]


def keyring(tx: Tx, organisation: OrganisationId) -> tuple[DeviceKey, ...]:
    """Of every device that is not revoked, by address."""
    known = directory.all_devices(tx, organisation)
    return tuple(
        DeviceKey(address=device.address, enrolment=1, generation=0, key=device.key)
        for device in known
        if device.revoked_at is None
    )
