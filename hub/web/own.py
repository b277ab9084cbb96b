"""What belongs to whoever works alone, and nothing else: an id of somebody else's is no id at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.cases import sessions
from hub.cases.sessions import UnknownReferenceError
from hub.domain.incident import Kind
from hub.domain.session import SessionPhase
from hub.store import devices, directory, presence
from hub.store import incidents as incident_rows
from hub.store import sessions as session_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from hub.cases.desk import Desk
    from hub.store.devices import Device
    from hub.store.directory import Organisation, Place, Worker
    from hub.store.incidents import IncidentRecord
    from hub.store.presence import Presence
    from hub.store.sessions import SessionRecord
    from hub.store.store import Tx
    from hub.web.accounts import Person
    from protocols.ids import WorkerId

_LIVE = (SessionPhase.ACTIVE, SessionPhase.PLANNED)
_MOST = 100_000


class NoWorkerError(LookupError):
    """An account of somebody who does not work alone."""

    def __init__(self) -> None:
        super().__init__("this account is of nobody who works alone: an administrator can tie it to a worker")


@dataclass(frozen=True, slots=True)
class Own:
    """Everything that a worker's own page shows. ``devices`` each with when it was last heard, if it ever was."""

    now: datetime
    organisation: Organisation
    worker: Worker
    devices: Sequence[tuple[Device, Presence | None]]
    sessions: Sequence[SessionRecord]
    places: Mapping[str, Place]
    incidents: Sequence[IncidentRecord]


def worker_of(person: Person) -> WorkerId:
    """Who this person is when they work alone.

    Raises:
        NoWorkerError: nobody.
    """
    if person.account.worker is None:
        raise NoWorkerError
    return person.account.worker


def facts(tx: Tx, person: Person) -> Own:
    """All of it, read in one transaction.

    Raises:
        NoWorkerError: there is nothing.
    """
    organisation, number = person.organisation, worker_of(person)
    worker = directory.get_worker(tx, organisation.id, number)
    if worker is None:
        raise NoWorkerError
    live = session_rows.listed(tx, organisation.id, _LIVE, limit=_MOST)
    return Own(
        tx.now,
        organisation,
        worker,
        tuple(_devices(tx, person, number)),
        [record for record in live if record.worker == number],
        {place.id: place for place in directory.all_places(tx, organisation.id)},
        [record for record in incident_rows.listed(tx, organisation.id, only_live=True) if _may_show(record, number)],
    )


def _devices(tx: Tx, person: Person, worker: WorkerId) -> list[tuple[Device, Presence | None]]:
    own = person.organisation.id
    found = [devices.get(tx, own, address) for address in devices.of_worker(tx, own, worker)]
    return [(one, presence.of_device(tx, own, one.address)) for one in found if one is not None]


def _may_show(record: IncidentRecord, worker: WorkerId) -> bool:
    """Whoever threatens a worker may look at their screen, too: what was asked for unseen stays unseen.

    An alarm that was cancelled is gone from here; so one that was cancelled under threat is, too.
    """
    hidden = record.state.silenced or record.state.kind is Kind.DISCREET_PANIC
    return record.match.worker == worker and not hidden


def session(desk: Desk, person: Person, number: str) -> SessionRecord:
    """One's own session.

    Raises:
        UnknownReferenceError: there is none of this id, or it is somebody else's.
    """
    record = sessions.get(desk, person.organisation.id, number)
    if record.worker != worker_of(person):
        raise UnknownReferenceError("session", number)
    return record


def extend(desk: Desk, person: Person, number: str, longer: timedelta) -> SessionRecord:
    """Counted from the expected end, or from now when that has passed."""
    record = session(desk, person, number)
    ends_at = max(record.state.ends_at, desk.now) + longer
    return sessions.extend(desk, person.organisation.id, record.id, ends_at, person.by)
