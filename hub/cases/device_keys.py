"""The keys of devices: which gateways may hold, and how they are replaced when one of them is lost."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub.cases.desk import Desk
    from hub.store.store import Tx
    from protocols.enrolment import DeviceKey
    from protocols.ids import Address, GatewayId, OrganisationId


def keyring(tx: Tx, organisation: OrganisationId) -> tuple[DeviceKey, ...]:
    """What every gateway of an organisation may hold: by address, of one address newest first."""
    raise NotImplementedError


def keyring_version(keys: Sequence[DeviceKey]) -> str:
    """Changes whenever the keys do; tells nothing of them."""
    named = "".join(f"{key.address}/{key.enrolment}/{key.generation};" for key in keys)
    return sha256(named.encode()).hexdigest()[:32]


def gateway_lost(desk: Desk, organisation: OrganisationId, gateway: GatewayId, by: str) -> None:
    """A gateway is lost or revoked: every device key that it held is replaced, and the old one proves nothing more."""
    raise NotImplementedError


def rotate_keys(
    desk: Desk, organisation: OrganisationId, addresses: Iterable[Address], why: str, by: str, *, suspect: bool = False
) -> None:
    """Order the next generation for these devices.

    Args:
        desk: the transaction.
        organisation: whose they are.
        addresses: which devices.
        why: for the journal.
        by: who ordered it.
        suspect: the old keys may be in a stranger's hands: from now on nothing under them counts as alive or cancels.
    """
    raise NotImplementedError
