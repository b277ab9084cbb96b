"""What goes down to a device: receipts at once, later stages and questions through the outbox; all sealed here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.store import device_keys, devices, events, outbox, presence
from hub.store.events import Spoken
from hub.store.outbox import ItemKind, NewItem
from protocols.ble import aes, downlink
from protocols.ids import EventIdentity

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.events import Heard
    from hub.store.incidents import IncidentRecord
    from hub.store.presence import Presence
    from hub.store.store import Tx
    from protocols.events import Told
    from protocols.ids import Address, GatewayId, OrganisationId

DOWNLINK: Final = "downlink"
LATELY: Final = timedelta(minutes=3)
"""A gateway that heard the device within this may still reach it: the wearer walks."""
_RANK: Final = 1


def receipt(tx: Tx, heard: Heard) -> bytes:
    """*Stored*, sealed for the device under the key that it spoke."""
    identity = heard.report.identity
    return _seal(tx, heard.organisation, heard.voice.key, identity, downlink.KIND_RECEIPT, heard.report.stage)


def stage(tx: Tx, organisation: OrganisationId, spoken: Spoken, told: int) -> bytes | None:
    """A later stage, sealed for the device; None when its key is gone."""
    key = _key(tx, organisation, spoken)
    return None if key is None else _seal(tx, organisation, key, spoken.identity, downlink.KIND_STAGE, told)


def command(tx: Tx, organisation: OrganisationId, seen: Presence, code: int) -> bytes | None:
    """A command for the device as it runs now; None when its key is gone."""
    key = _key(tx, organisation, Spoken(seen.identity, seen.enrolment, seen.generation))
    now_running = replace(seen.identity, sequence=0)
    return None if key is None else _seal(tx, organisation, key, now_running, downlink.KIND_COMMAND, code)


def rekey(tx: Tx, organisation: OrganisationId, address: Address) -> bytes | None:
    """The order to take the newest generation, sealed under the root key; None when the device has taken it."""
    record = device_keys.newest(tx, organisation, address)
    if record is None or not record.state.is_moving:
        return None
    wanted = EventIdentity(address, 0, record.state.ordered)
    return _seal(tx, organisation, device_keys.root(tx, record), wanted, downlink.KIND_REKEY, 0)


def _key(tx: Tx, organisation: OrganisationId, spoken: Spoken) -> bytes | None:
    """The working key that the device last spoke, as far as it is from the same root key."""
    address = spoken.identity.address
    records = device_keys.of_device(tx, organisation, address)
    record = next((one for one in records if one.state.enrolment == spoken.enrolment), None)
    if record is None:
        return None
    return device_keys.working(tx, record, max(spoken.generation, record.state.taken or 0))


def _seal(tx: Tx, organisation: OrganisationId, key: bytes, identity: EventIdentity, kind: int, code: int) -> bytes:
    counter = devices.next_downlink_counter(tx, organisation, identity.address)
    octets = identity.address.octets
    return downlink.seal(aes.block(key), octets, kind, counter, identity.epoch, identity.sequence, int(code), 0)


def gateways_near(tx: Tx, organisation: OrganisationId, address: Address) -> list[GatewayId]:
    """Gateways that may reach a device: those that lately heard it, or all when none did."""
    near = presence.gateways_hearing(tx, organisation, address, tx.now - LATELY)
    return near or [gateway.id for gateway in presence.all_gateways(tx, organisation)]


def tell(desk: Desk, record: IncidentRecord, told: Told) -> None:
    """Queue a stage for the newest alarm of every device in an incident."""
    for spoken in _on_air(desk, record):
        identity = spoken.identity
        outbox.cancel_downlinks(desk.tx, record.organisation, identity.address)
        payload = {"epoch": identity.epoch, "sequence": identity.sequence, "told": int(told)}
        key = {"enrolment": spoken.enrolment, "generation": spoken.generation}
        _queue(desk, record, identity.address, "stage", payload | key)


def ask(desk: Desk, record: IncidentRecord) -> None:
    """Queue the question *are you all right?* for every device of the worker."""
    if record.match.worker is None:
        return
    for address in devices.of_worker(desk.tx, record.organisation, record.match.worker):
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


def _on_air(desk: Desk, record: IncidentRecord) -> list[Spoken]:
    """The newest event of each device in the incident that is an alarm and was not cancelled."""
    uncancelled = events.uncancelled(desk.tx, record.organisation, record.id)
    return list({spoken.identity.address: spoken for spoken in uncancelled}.values())
