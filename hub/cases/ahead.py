"""What recording a batch of events will ask, asked once for all of them.

A message says of itself which event it carries. Here that is only expected: where it turns out to be wrong, recording
asks for itself, and nothing comes of it but time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from hub.cases import incidents
from hub.domain.session import SessionPhase
from hub.store import device_keys, devices, directory, events, faults, presence, sessions
from hub.store import incidents as incident_rows
from hub.store.faults import FaultKind
from protocols.events import Stage

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.store.store import Tx
    from protocols.ids import Address, EventIdentity, OrganisationId, WorkerId

Device: TypeAlias = "tuple[OrganisationId, Address]"


class Expected(NamedTuple):
    """An event of a device that is about to be recorded, as far as its message says."""

    organisation: OrganisationId
    identity: EventIdentity
    stage: int

    @property
    def device(self) -> Device:
        return self.organisation, self.identity.address


def in_other_hands(tx: Tx, expected: Collection[Expected]) -> set[Device]:
    """Devices of which another replica is just recording something; the others are kept from it now."""
    of = sorted({event.device for event in expected})
    free = devices.LOCKED.take(tx.connection, of)
    tx.unit.read_ahead(devices.DEVICES, of)
    return {device for device in of if device not in free and tx.unit.rows(devices.DEVICES, *device)}


def read(tx: Tx, expected: Collection[Expected]) -> None:
    """Devices are locked first, in the order of their addresses: batches of two replicas meet nowhere else."""
    of = {event.device for event in expected}
    for lookup in (devices.LOCKED, devices.DEVICES, device_keys.KEYS, devices.ASSIGNMENTS, presence.HEARINGS):
        tx.unit.read_ahead(lookup, of)
    _read_events(tx, expected, of)
    workers = _workers(tx, of)
    tx.unit.read_ahead(directory.WORKERS, workers)
    tx.unit.read_ahead(incident_rows.LIVE_OF, [(of, incidents.of_worker(worker)) for of, worker in workers])
    answering = _workers(tx, {event.device for event in expected if event.stage == Stage.NOTICE})
    tx.unit.read_ahead(sessions.LOCKED, [(of, worker, SessionPhase.ACTIVE) for of, worker in answering])
    tx.unit.read_ahead(sessions.SESSIONS, workers)  # after what is locked of them: what was read before is doubted then


def _read_events(tx: Tx, expected: Collection[Expected], of: Collection[Device]) -> None:
    """An event is known under the root key that it was heard under: the newest, or one before it."""
    known = {device: device_keys.of_device(tx, *device) for device in of}
    new = [device for device, records in known.items() if any(record.state.taken is None for record in records)]
    tx.unit.read_ahead(faults.OPEN, [faults.key(of, FaultKind.ACCESS_REFUSED, address) for of, address in new])
    tx.unit.read_ahead(
        events.EVENTS,
        [
            events.key(event.organisation, event.identity, record.state.enrolment)
            for event in expected
            for record in known[event.device]
        ],
    )


def _workers(tx: Tx, of: Collection[Device]) -> set[tuple[OrganisationId, WorkerId]]:
    """Who wears these devices."""
    return {
        (device[0], assignment.worker)
        for device in of
        for assignment in devices.assignments_of(tx, *device)
        if assignment.covers(tx.now)
    }
