"""Everything that one page shows, read in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.cases.incidents import UnknownIncidentError
from hub.domain.session import SessionPhase
from hub.store import (
    devices,
    directory,
    events,
    faults,
    incidents,
    journal,
    outbox,
    presence,
    sessions,
    wearers,
    wired_events,
)
from hub.web import closing
from protocols.ids import PlaceId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.store.devices import Device
    from hub.store.directory import Account, Organisation, Place, Worker
    from hub.store.events import RecordedEvent
    from hub.store.faults import Fault
    from hub.store.incidents import IncidentRecord
    from hub.store.journal import Entry
    from hub.store.outbox import Item
    from hub.store.presence import GatewayRecord, Presence
    from hub.store.sessions import SessionRecord
    from hub.store.store import Tx
    from hub.store.wired_events import WiredEvent
    from protocols.ids import Address, WorkerId


@dataclass(frozen=True, slots=True)
class Names:
    """Whom and what an organisation has, by id, at one moment.

    Attributes:
        worn: by worker, the devices that they wear.
        heard: by device, its newest sign of life.
        last_worn: by device, who wears it or wore it last.
        hung: by gateway, the place where it hangs.
    """

    now: datetime
    organisation: Organisation
    workers: Mapping[str, Worker]
    places: Mapping[str, Place]
    accounts: Mapping[str, Account]
    devices: Mapping[str, Device]
    worn: Mapping[str, Sequence[Address]]
    heard: Mapping[Address, Presence]
    last_worn: Mapping[str, WorkerId]
    hung: Mapping[str, PlaceId]

    def worker(self, worker: str) -> str:
        known = self.workers.get(worker)
        return known.name if known is not None else worker

    def device(self, address: str) -> str:
        known = self.devices.get(address)
        return known.label if known is not None else address

    def place(self, place: str) -> str:
        known = self.places.get(place)
        return known.name if known is not None else place

    def last_wearer(self, address: str | None) -> Worker | None:
        """Who wears a device, or wore it last."""
        return self.workers.get(self.last_worn.get(address or "") or "")

    def at(self, place: str | None) -> str:
        """`` at Village hall``; nothing where no place is known."""
        return f" at {self.place(place)}" if place else ""

    def account(self, account: str | None) -> str:
        """A person's name, also where a program acted with a token of theirs; the id where there is none any more."""
        number, _, token = (account or "").partition("/")
        known = self.accounts.get(number)
        name = known.name if known is not None else number
        return f"{name}, by token {token}" if token else name


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """What the main page is made of. ``shown`` is by incident the number of its newest sign."""

    names: Names
    incidents: Sequence[IncidentRecord]
    shown: Mapping[str, int]
    sessions: Sequence[SessionRecord]
    gateways: Sequence[GatewayRecord]
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class PastFacts:
    """What the list of all incidents is made of."""

    names: Names
    incidents: Sequence[IncidentRecord]


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """What the page of one incident is made of. ``others`` are live beside it, ``shown`` is as on the board."""

    names: Names
    incident: IncidentRecord
    session: SessionRecord | None
    events: Sequence[RecordedEvent]
    wired: Sequence[WiredEvent]
    notifications: Sequence[Item]
    journal: Sequence[Entry]
    shown: Mapping[str, int]
    others: Sequence[IncidentRecord]


def names(tx: Tx, organisation: Organisation) -> Names:
    """Everything that turns ids into words."""
    own = organisation.id
    worn: dict[str, list[Address]] = {}
    for address, worker in devices.wearers(tx, own).items():
        worn.setdefault(worker, []).append(address)
    return Names(
        now=tx.now,
        organisation=organisation,
        workers={worker.id: worker for worker in directory.all_workers(tx, own)},
        places={place.id: place for place in directory.all_places(tx, own)},
        accounts={account.id: account for account in directory.all_accounts(tx, own)},
        devices={device.address: device for device in devices.listed(tx, own)},
        worn=worn,
        heard=presence.of_devices(tx, own),
        last_worn={str(address): worker for address, worker in wearers.last(tx, own).items()},
        hung={gateway.id: PlaceId(gateway.place) for gateway in presence.all_gateways(tx, own) if gateway.place},
    )


def board(tx: Tx, organisation: Organisation) -> BoardFacts:
    """Everything that is live."""
    own = organisation.id
    live = incidents.listed(tx, own, only_live=True)
    return BoardFacts(
        names=names(tx, organisation),
        incidents=live,
        shown=closing.shown(tx, own, [one.id for one in live]),
        sessions=sessions.listed(tx, own, (SessionPhase.ACTIVE, SessionPhase.PLANNED)),
        gateways=presence.all_gateways(tx, own),
        faults=faults.listed(tx, own),
    )


def past(tx: Tx, organisation: Organisation) -> PastFacts:
    """The newest incidents, live or over."""
    return PastFacts(names(tx, organisation), incidents.listed(tx, organisation.id, only_live=False))


def incident(tx: Tx, organisation: Organisation, number: str) -> IncidentFacts:
    """One incident with all that belongs to it.

    Raises:
        UnknownIncidentError: there is none of this id in this organisation.
    """
    own = organisation.id
    record = incidents.get(tx, own, number)
    if record is None:
        raise UnknownIncidentError(number)
    others = incidents.listed(tx, own, only_live=True)
    session = record.match.session
    return IncidentFacts(
        names=names(tx, organisation),
        incident=record,
        session=None if session is None else sessions.get(tx, own, session),
        events=events.of_incident(tx, own, number),
        wired=wired_events.of_incident(tx, own, number),
        notifications=outbox.of_incident(tx, own, number),
        journal=journal.read(tx, own, number),
        shown=closing.shown(tx, own, [number]),
        others=[other for other in others if other.id != number],
    )
