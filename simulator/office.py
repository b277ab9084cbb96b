"""The organisation of a simulated world, as the hub knows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hub.cases import incidents, sessions
from hub.cases.desk import Desk, Routes
from hub.domain.incident import LIVE, Outcome, Phase
from hub.domain.session import Risk, SessionPhase
from hub.store import device_keys, devices, directory
from hub.store import incidents as incident_rows
from hub.store import sessions as session_rows
from hub.store.devices import Device
from hub.store.directory import Account, Organisation, Place, Role, Worker
from protocols.ids import Address, OrganisationId, PlaceId, WorkerId

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from hub.store.store import Store, Tx
    from simulator.world import Person, World

ORGANISATION: Final = OrganisationId("demo")
_BY: Final = "admin"
_GIVE_UP: Final = 50


def found(tx: Tx, site: World, password_hash: str) -> None:
    """An organisation with the people, alarms and places of a world; accounts ``admin`` and ``sam``."""
    directory.add_organisation(tx, Organisation(ORGANISATION, "Demo Outreach", "Europe/London"))
    for name, role in (("admin", Role.ADMINISTRATOR), ("sam", Role.SUPERVISOR)):
        account = Account(ORGANISATION, name, f"{name.title()} Supervisor", f"{name}@demo.example", role)
        directory.add_account(tx, replace(account, password_hash=password_hash))
    for place in site.places:
        latitude, longitude = site.on_earth(place.at)
        label = place.name.replace("-", " ").capitalize()
        directory.add_place(tx, Place(ORGANISATION, PlaceId(place.name), label, "", latitude, longitude))
    for person in site.people:
        _add_worker(tx, site, person)


def _add_worker(tx: Tx, site: World, person: Person) -> None:
    make = site.make(person.name)
    address = Address(str(make.address))
    email = f"{person.name}@demo.example"
    worker = Worker(ORGANISATION, WorkerId(person.name), person.name.title(), email, "01632 960000", "sam")
    directory.add_worker(tx, worker)
    devices.add(tx, Device(ORGANISATION, address, f"Alarm of {person.name.title()}"))
    device_keys.add(tx, ORGANISATION, address, make.key)
    devices.assign(tx, ORGANISATION, address, worker.id)


def log_session(store: Store, person: str, place: str, risk: Risk, length: timedelta) -> str:
    """A session of somebody in the world, under way from now."""
    now = store.read(lambda tx: tx.now)
    new = sessions.NewSession(person, place, now, now + length, risk, start_now=True)
    return store.write(lambda tx: sessions.log(Desk(tx, Routes()), ORGANISATION, new, "admin")).id


def end_sessions(store: Store, person: str) -> None:
    """Somebody has no session any more."""

    def work(tx: Tx) -> None:
        for session in session_rows.active_of(tx, ORGANISATION, person):
            sessions.end(Desk(tx, Routes()), ORGANISATION, session.id, _BY)

    store.write(work)


def log_sessions(store: Store, people: Collection[Person], length: timedelta) -> None:
    """One for each of them, at their place and risk, under way from now."""
    for person in people:
        log_session(store, person.name, person.place, Risk(person.risk), length)


def give_back(store: Store, site: World) -> None:
    """Everybody wears the alarm that the world gives them, and no other; one that was withdrawn is in use again."""

    def work(tx: Tx) -> None:
        for one in site.people:
            _give_back(tx, Address(str(site.make(one.name).address)), one.name)

    store.write(work)


def _give_back(tx: Tx, address: Address, person: str) -> None:
    if devices.get(tx, ORGANISATION, address) is None:
        return
    devices.change(tx, ORGANISATION, address, withdrawn_at=None)
    worn = [one.worker for one in devices.assignments_of(tx, ORGANISATION, address) if one.covers(tx.now)]
    if worn != [person] or devices.of_worker(tx, ORGANISATION, person) != [address]:
        devices.assign(tx, ORGANISATION, address, WorkerId(person))


def clear(store: Store) -> None:
    """Nobody has an alarm or a session any more. Ending a session may raise the one or the other question: again."""
    for _ in range(_GIVE_UP):
        if not store.write(_clear):
            return


def _clear(tx: Tx) -> int:
    desk = Desk(tx, Routes())
    live = [record for record in incident_rows.listed(tx, ORGANISATION, only_live=True) if record.state.phase in LIVE]
    for record in live:
        if record.state.phase is Phase.PENDING:
            incidents.take(desk, ORGANISATION, record.id, _BY)
        incidents.close(desk, ORGANISATION, record.id, _BY, Outcome.TEST, "everything as it was")
    active = session_rows.listed(tx, ORGANISATION, {SessionPhase.ACTIVE})
    for session in active:
        sessions.end(desk, ORGANISATION, session.id, _BY)
    return len(live) + len(active)
