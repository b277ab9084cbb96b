"""What goes down to a device: receipts at once, later stages and questions through the outbox; all sealed here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.store import directory, events, outbox, presence
from hub.store.outbox import ItemKind, NewItem
from protocols.ble import aes, downlink

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.incidents import IncidentRecord
    from hub.store.store import Tx
    from protocols.events import Stage, Told
    from protocols.ids import Address, EventIdentity, GatewayId, OrganisationId

DOWNLINK: Final = "downlink"
LATELY: Final = timedelta(minutes=3)
"""A gateway that heard the device within this may still reach it: the wearer walks."""
_RANK: Final = 1


def receipt(tx: Tx, organisation: OrganisationId, identity: EventIdentity, stage: Stage) -> bytes | None:
    """*Stored*, sealed for the device; None when the device is not known."""
    return _seal(tx, organisation, identity, downlink.KIND_RECEIPT, stage)


def stage(tx: Tx, organisation: OrganisationId, identity: EventIdentity, told: int) -> bytes | None:
    """A later stage, sealed for the device."""
    return _seal(tx, organisation, identity, downlink.KIND_STAGE, told)


def command(tx: Tx, organisation: OrganisationId, identity: EventIdentity, code: int) -> bytes | None:
    """A command for the device as it runs now (its boot epoch is in ``identity``)."""
    return _seal(tx, organisation, identity, downlink.KIND_COMMAND, code, sequence=0)


def _seal(
    tx: Tx, organisation: OrganisationId, identity: EventIdentity, kind: int, code: int, sequence: int | None = None
) -> bytes | None:
    device = directory.get_device(tx, organisation, identity.address)
    if device is None:
        return None
    counter = directory.next_downlink_counter(tx, organisation, identity.address)
    number = identity.sequence if sequence is None else sequence
    octets = identity.address.octets
    return downlink.seal(aes.block(device.working), octets, kind, counter, identity.epoch, number, int(code), 0)


def gateways_near(tx: Tx, organisation: OrganisationId, address: Address) -> list[GatewayId]:
    """Gateways that may reach a device: those that lately heard it, or all when none did."""
    near = presence.gateways_hearing(tx, organisation, address, tx.now - LATELY)
    return near or [gateway.id for gateway in presence.all_gateways(tx, organisation)]


def tell(desk: Desk, record: IncidentRecord, told: Told) -> None:
    """Queue a stage for the newest alarm of every device in an incident."""
    for identity in _on_air(desk, record):
        outbox.cancel_downlinks(desk.tx, record.organisation, identity.address)
        payload = {"epoch": identity.epoch, "sequence": identity.sequence, "told": int(told)}
        _queue(desk, record, identity.address, "stage", payload)


def ask(desk: Desk, record: IncidentRecord) -> None:
    """Queue the question *are you all right?* for every device of the worker."""
    if record.match.worker is None:
        return
    for address in directory.devices_of(desk.tx, record.organisation, record.match.worker):
        _queue(desk, record, address, outbox.ASK, {})


def _queue(desk: Desk, record: IncidentRecord, address: Address, message: str, payload: dict[str, int]) -> None:
    item = NewItem(
        kind=ItemKind.DOWNLINK,
        channel=DOWNLINK,
        recipient=address,
        incident=record.id,
        message=message,
        payload=payload,
        rank=_RANK,
    )
    outbox.add(desk.tx, record.organisation, item)


def _on_air(desk: Desk, record: IncidentRecord) -> list[EventIdentity]:
    """The newest event of each device in the incident that is an alarm and was not cancelled."""
    uncancelled = events.uncancelled(desk.tx, record.organisation, record.id)
    return list({identity.address: identity for identity in uncancelled}.values())
