"""The keys of devices: which gateways may hold, and how they are replaced when one of them is lost.

A rotation goes step by step, each a row, so that it goes on after a restart: ordered -> the gateways have the new keys
(or are told of as a fault) -> the device, whenever it is heard under an old key, is told to take the new one -> it is
heard under the new one, and the old key leaves the gateways.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from hub.cases import notify
from hub.domain import keys
from hub.store import credentials, deadlines, device_keys, faults, journal, outbox, presence
from hub.store.deadlines import DeadlineKind
from hub.store.faults import FaultKind
from hub.store.outbox import ItemKind, NewItem
from protocols.ble.keys import NEWEST
from protocols.enrolment import DeviceKey
from protocols.mqtt.envelope import GatewayState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from hub.cases.desk import Desk
    from hub.domain.keys import Voice
    from hub.store.device_keys import DeviceKeyRecord
    from hub.store.store import Tx
    from protocols.ids import Address, GatewayId, OrganisationId

WAIT: Final = timedelta(seconds=60)
"""So long a rotation waits for gateways that are online and have not fetched the new keys."""
LOOK_EVERY: Final = timedelta(seconds=2)
REKEY_EVERY: Final = timedelta(seconds=20)
"""A device that is heard under an old key is told of the new one no more often."""
FETCHED: Final = timedelta(seconds=5)
"""Longer than any transaction: a keyring fetched so long after an order was made with it."""
AHEAD: Final = 8
"""Generations that may have been ordered after a backup was taken and are forgotten with a restore."""
REKEY: Final = "rekey"
DOWNLINK: Final = "downlink"
_ALL: Final = "devices"
_RANK: Final = 2


class NoMoreGenerationsError(Exception):
    """A root key has had all its generations: the device needs a new root key.

    Attributes:
        address: of the device.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(f"the root key of {address} has had all its {NEWEST} generations: enrol the device anew")
        self.address = address


def keyring(tx: Tx, organisation: OrganisationId) -> tuple[DeviceKey, ...]:
    """What every gateway of an organisation may hold: by address, of one address newest first.

    Raises:
        SealedError: a root key can't be opened.
    """
    return tuple(
        DeviceKey(
            address=record.address,
            enrolment=record.state.enrolment,
            generation=generation,
            key=device_keys.working(tx, record, generation),
        )
        for record in device_keys.in_use(tx, organisation)
        for generation in keys.held(record.state)
    )


def keyring_version(keys: Sequence[DeviceKey]) -> str:
    """Changes whenever the keys do; tells nothing of them."""
    named = b"".join(f"{key.address}/{key.enrolment}/{key.generation}/".encode() + key.key for key in keys)
    return sha256(named).hexdigest()[:32]


def gateway_lost(desk: Desk, organisation: OrganisationId, gateway: GatewayId, by: str) -> None:
    """A gateway is lost or revoked: every device key that it held is replaced, and the old one proves nothing more."""
    addresses = {record.address for record in device_keys.in_use(desk.tx, organisation)}
    rotate_keys(desk, organisation, addresses, f"gateway {gateway} is lost", by, suspect=True)


def rotate_keys(
    desk: Desk, organisation: OrganisationId, addresses: Iterable[Address], why: str, by: str, *, suspect: bool = False
) -> None:
    """Order the next generation for these devices; those revoked or unknown are left out.

    Args:
        desk: the transaction.
        organisation: whose they are.
        addresses: which devices.
        why: for the journal.
        by: who ordered it.
        suspect: the old keys may be in a stranger's hands: from now on nothing under them counts as alive or cancels.

    Raises:
        NoMoreGenerationsError: a device has had all.
    """
    for address in sorted(set(addresses)):
        record = device_keys.newest(desk.tx, organisation, address)
        if record is not None and not record.state.revoked:
            _order(desk, record, record.state.ordered + 1, suspect=suspect)
            detail = {"generation": str(record.state.ordered + 1), "why": why, "suspect": str(suspect).lower()}
            journal.append(desk.tx, organisation, f"device:{address}", "new key ordered", by=by, detail=detail)
    deadlines.set_(desk.tx, organisation, DeadlineKind.KEYS, _ALL, desk.now)


def after_restore(desk: Desk, organisation: OrganisationId) -> None:
    """A backup may be older than keys that devices have taken since: all that may be are in the keyring again.

    Each device is then rekeyed past them.
    """
    for record in device_keys.in_use(desk.tx, organisation):
        if not record.state.replaced and not record.state.revoked:
            _order(desk, record, record.state.ordered + AHEAD + 1, suspect=False)
    deadlines.set_(desk.tx, organisation, DeadlineKind.KEYS, _ALL, desk.now)


def _order(desk: Desk, record: DeviceKeyRecord, generation: int, *, suspect: bool) -> None:
    if generation > NEWEST:
        raise NoMoreGenerationsError(record.address)
    changes: dict[str, object] = {"generation": generation, "ordered_at": desk.now, "rekey_from": None}
    device_keys.change(desk.tx, record, **changes, **({"trusted_from": generation} if suspect else {}))


def step_due(desk: Desk, organisation: OrganisationId, subject: str) -> None:
    """Have the gateways fetched what was ordered? Then the devices may be told."""
    waiting = _waiting(desk, organisation)
    left = [record for record in waiting if not _release(desk, record)]
    due = desk.now + LOOK_EVERY if left else None
    deadlines.set_(desk.tx, organisation, DeadlineKind.KEYS, subject, due)


def _waiting(desk: Desk, organisation: OrganisationId) -> list[DeviceKeyRecord]:
    """Ordered, and the device may not be told yet."""
    known = device_keys.in_use(desk.tx, organisation)
    return [record for record in known if record.state.is_moving and record.rekey_from is None]


def _release(desk: Desk, record: DeviceKeyRecord) -> bool:
    ordered_at = record.ordered_at or desk.now
    behind = _behind(desk, record.organisation, ordered_at)
    if behind and desk.now - ordered_at < WAIT:
        return False
    for gateway in behind:
        detail = (
            f"{gateway} has not fetched the new keys of devices for {int(WAIT.total_seconds())} s: it may not hear them"
        )
        notify.fault(desk, record.organisation, FaultKind.KEYS_NOT_FETCHED, gateway, detail)
    device_keys.change(desk.tx, record, rekey_from=desk.now)
    return True


def _behind(desk: Desk, organisation: OrganisationId, ordered_at: datetime) -> list[GatewayId]:
    """Gateways that are online and don't have what was ordered then."""
    fetches = credentials.fetches(desk.tx, organisation)
    version = keyring_version(keyring(desk.tx, organisation))
    have = {
        fetch.gateway
        for fetch in fetches.values()
        if fetch.version == version or fetch.fetched_at >= ordered_at + FETCHED
    }
    online = [
        gateway for gateway in presence.all_gateways(desk.tx, organisation) if gateway.state == GatewayState.ONLINE
    ]
    return [gateway.id for gateway in online if gateway.id not in have]


def fetched(desk: Desk, organisation: OrganisationId, gateway: GatewayId, version: str) -> None:
    """A gateway has the keys of this version."""
    credentials.note_fetch(desk.tx, organisation, gateway, version)
    faults.clear(desk.tx, organisation, FaultKind.KEYS_NOT_FETCHED, gateway)


def heard(desk: Desk, record: DeviceKeyRecord, voice: Voice) -> None:
    """A device spoke: it has taken a key, or has still to be told of one."""
    if voice.is_live and (record.state.taken is None or voice.generation > record.state.taken):
        _taken(desk, record, voice.generation)
    elif keys.wants_rekey(record.state, voice.generation):
        _tell(desk, record)


def _taken(desk: Desk, record: DeviceKeyRecord, generation: int) -> None:
    device_keys.change(desk.tx, record, taken_generation=generation, taken_at=desk.now)
    if record.state.taken is None:
        _retire_earlier(desk, record)
    if generation > 0:
        detail = {"generation": str(generation)}
        journal.append(desk.tx, record.organisation, f"device:{record.address}", "new key taken", detail=detail)
    faults.clear(desk.tx, record.organisation, FaultKind.ACCESS_REFUSED, record.address)


def _retire_earlier(desk: Desk, record: DeviceKeyRecord) -> None:
    """The device speaks under its newest root key: gateways need no older one."""
    for earlier in device_keys.of_device(desk.tx, record.organisation, record.address):
        if earlier.state.enrolment < record.state.enrolment and earlier.retired_at is None:
            device_keys.change(desk.tx, earlier, retired_at=desk.now)


def _tell(desk: Desk, record: DeviceKeyRecord) -> None:
    if record.rekey_from is None or (record.rekeyed_at is not None and desk.now - record.rekeyed_at < REKEY_EVERY):
        return
    device_keys.change(desk.tx, record, rekeyed_at=desk.now)
    item = NewItem(kind=ItemKind.DOWNLINK, channel=DOWNLINK, recipient=record.address, message=REKEY, rank=_RANK)
    outbox.add(desk.tx, record.organisation, item)
