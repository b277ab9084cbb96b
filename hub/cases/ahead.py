"""What recording a batch of events will ask, asked once for all of them.

A message says of itself which event it carries. Here that is only expected: where it turns out to be wrong, recording
asks for itself, and nothing comes of it but time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hub.cases import incidents
from hub.domain.session import SessionPhase
from hub.store import device_keys, devices, events, presence, sessions
from hub.store import incidents as incident_rows
from protocols.events import Stage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from hub.store.store import Tx
    from protocols.ids import Address, EventIdentity, OrganisationId, WorkerId


class Expected(NamedTuple):
    """An event of a device that is about to be recorded, as far as its message says."""

    organisation: OrganisationId
    identity: EventIdentity
    stage: int

    @property
    def device(self) -> tuple[OrganisationId, Address]:
        return self.organisation, self.identity.address


def read(tx: Tx, expected: Collection[Expected]) -> None:
    """Devices are locked first, in the order of their addresses: batches of two replicas meet nowhere else."""
    of = {event.device for event in expected}
    for lookup in (devices.LOCKED, devices.DEVICES, device_keys.KEYS, devices.ASSIGNMENTS, presence.HEARINGS):
        tx.unit.read_ahead(lookup, of)
    tx.unit.read_ahead(events.EVENTS, [key for event in expected for key in _keys(tx, event)])
    wearers = {(event.organisation, worker) for event in expected for worker in _wearers(tx, *event.device)}
    tx.unit.read_ahead(sessions.SESSIONS, wearers)
    tx.unit.read_ahead(incident_rows.LIVE_OF, [(of, incidents.of_worker(worker)) for of, worker in wearers])
    asked = {event.device for event in expected if event.stage == Stage.NOTICE}
    answering = [(device[0], worker) for device in asked for worker in _wearers(tx, *device)]
    tx.unit.read_ahead(sessions.LOCKED, [(of, worker, SessionPhase.ACTIVE) for of, worker in answering])


def _keys(tx: Tx, event: Expected) -> Iterator[tuple[object, ...]]:
    """An event is known under the root key that it was heard under: mostly the newest, before it another."""
    for record in device_keys.of_device(tx, *event.device):
        yield events.key(event.organisation, event.identity, record.state.enrolment)


def _wearers(tx: Tx, organisation: OrganisationId, address: Address) -> set[WorkerId]:
    worn = devices.assignments_of(tx, organisation, address)
    return {assignment.worker for assignment in worn if assignment.covers(tx.now)}
