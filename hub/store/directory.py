"""Who and what an organisation has: accounts, workers, places. Its devices: :mod:`hub.store.devices`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from hub.store.lookup import Lookup
from hub.store.tables import accounts, organisations, places, workers
from protocols.ids import OrganisationId, PlaceId, WorkerId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx

_ACTIVE: Final = Lookup(accounts, "organisation", "active")
_ACCOUNTS: Final = Lookup(accounts, "organisation", "id")
_PLACES: Final = Lookup(places, "organisation", "id")
_ORGANISATION: Final = select(organisations).where(organisations.c.id == bindparam("id"))
WORKERS: Final = Lookup(workers, "organisation", "id")


class Role(StrEnum):
    """What an account is for; :mod:`hub.web.rights` says what each may do."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Organisation:
    """``zone`` is an IANA time zone."""

    id: OrganisationId
    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class Account:
    """A person who signs in. All but workers are told of alarms.

    Attributes:
        worker: who this person is when they work alone, if they do.
        password_until: the password is good for one sign-in, until then, and must be changed there; None = a password
            of their own.
    """

    organisation: OrganisationId
    id: str
    name: str
    email: str | None
    role: Role
    active: bool = True
    password_hash: str | None = None
    worker: WorkerId | None = None
    password_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """A lone worker. ``supervisor`` is the account told first; None = everyone is."""

    organisation: OrganisationId
    id: WorkerId
    name: str
    email: str | None = None
    phone: str | None = None
    supervisor: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where sessions take place; coordinates in degrees, WGS 84."""

    organisation: OrganisationId
    id: PlaceId
    name: str
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None


def add_organisation(tx: Tx, organisation: Organisation) -> None:
    values = {"id": organisation.id, "name": organisation.name, "zone": organisation.zone}
    tx.connection.execute(insert(organisations).values(**values))


def all_organisations(tx: Tx) -> list[Organisation]:
    rows = tx.connection.execute(select(organisations).order_by(organisations.c.id))
    return [Organisation(OrganisationId(row.id), row.name, row.zone) for row in rows]


def get_organisation(tx: Tx, organisation: OrganisationId) -> Organisation | None:
    row = tx.connection.execute(_ORGANISATION, {"id": organisation}).one_or_none()
    return None if row is None else Organisation(OrganisationId(row.id), row.name, row.zone)


def save_organisation(tx: Tx, organisation: Organisation) -> None:
    values = {"name": organisation.name, "zone": organisation.zone}
    tx.connection.execute(update(organisations).where(organisations.c.id == organisation.id).values(**values))


def add_account(tx: Tx, account: Account) -> None:
    tx.connection.execute(insert(accounts).values(**_fields(account)))


def get_account(tx: Tx, organisation: OrganisationId, account: str) -> Account | None:
    rows = tx.unit.rows(_ACCOUNTS, organisation, account)
    return _account(rows[0]) if rows else None


def find_accounts(tx: Tx, account: str) -> list[Account]:
    """Every organisation's account of this name, for a sign-in that names no organisation."""
    return [_account(row) for row in tx.connection.execute(select(accounts).where(accounts.c.id == account))]


def active_accounts(tx: Tx, organisation: OrganisationId) -> list[Account]:
    """Those who deal with alarms: a worker is told of nobody else's."""
    rows = sorted(tx.unit.rows(_ACTIVE, organisation, True), key=attrgetter("id"))
    return [_account(row) for row in rows if row.role != Role.WORKER]


def all_accounts(tx: Tx, organisation: OrganisationId) -> list[Account]:
    """Active or not: names on old incidents stay readable."""
    where = accounts.c.organisation == organisation
    return [_account(row) for row in tx.connection.execute(select(accounts).where(where).order_by(accounts.c.id))]


def administrators(tx: Tx, organisation: OrganisationId) -> list[str]:
    """Active administrators, locked until the transaction ends: of two who demote each other one is refused."""
    mine = accounts.c.organisation == organisation
    where = (mine, accounts.c.active.is_(True), accounts.c.role == Role.ADMINISTRATOR)
    rows = tx.connection.execute(tx.lock(select(accounts.c.id).where(*where).order_by(accounts.c.id)))
    return [row.id for row in rows]


def save_account(tx: Tx, account: Account) -> None:
    """All but its password."""
    where = (accounts.c.organisation == account.organisation, accounts.c.id == account.id)
    kept = ("organisation", "id", "password_hash", "password_until")
    values = {name: value for name, value in _fields(account).items() if name not in kept}
    tx.connection.execute(update(accounts).where(*where).values(**values))


def set_password(
    tx: Tx, organisation: OrganisationId, account: str, password_hash: str, until: datetime | None = None
) -> None:
    """A new password; with ``until`` a one-time one (:attr:`Account.password_until`)."""
    where = (accounts.c.organisation == organisation, accounts.c.id == account)
    values = {"password_hash": password_hash, "password_until": until}
    tx.connection.execute(update(accounts).where(*where).values(**values))


def add_worker(tx: Tx, worker: Worker) -> None:
    tx.connection.execute(insert(workers).values(**_fields(worker)))


def get_worker(tx: Tx, organisation: OrganisationId, worker: str) -> Worker | None:
    rows = tx.unit.rows(WORKERS, organisation, worker)
    return _worker(rows[0]) if rows else None


def hold_organisation(tx: Tx, organisation: OrganisationId) -> None:
    """Kept from other replicas until the transaction ends."""
    tx.connection.execute(tx.lock(select(organisations.c.id).where(organisations.c.id == organisation)))


def hold_worker(tx: Tx, organisation: OrganisationId, worker: str) -> None:
    """Kept from other replicas until the transaction ends."""
    where = (workers.c.organisation == organisation, workers.c.id == worker)
    tx.connection.execute(tx.lock(select(workers.c.id).where(*where)))


def all_workers(tx: Tx, organisation: OrganisationId) -> list[Worker]:
    where = workers.c.organisation == organisation
    return [_worker(row) for row in tx.connection.execute(select(workers).where(where).order_by(workers.c.name))]


def save_worker(tx: Tx, worker: Worker) -> None:
    where = (workers.c.organisation == worker.organisation, workers.c.id == worker.id)
    tx.connection.execute(update(workers).where(*where).values(**_fields(worker)))


def add_place(tx: Tx, place: Place) -> None:
    tx.connection.execute(insert(places).values(**_fields(place)))


def get_place(tx: Tx, organisation: OrganisationId, place: str) -> Place | None:
    rows = tx.unit.rows(_PLACES, organisation, place)
    return _place(rows[0]) if rows else None


def save_place(tx: Tx, place: Place) -> None:
    where = (places.c.organisation == place.organisation, places.c.id == place.id)
    tx.connection.execute(update(places).where(*where).values(**_fields(place)))


def all_places(tx: Tx, organisation: OrganisationId) -> list[Place]:
    where = places.c.organisation == organisation
    return [_place(row) for row in tx.connection.execute(select(places).where(where).order_by(places.c.name))]


def _fields(record: Account | Worker | Place) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _account(row: Row[Any]) -> Account:
    return Account(
        OrganisationId(row.organisation),
        row.id,
        row.name,
        row.email,
        Role(row.role),
        row.active,
        row.password_hash,
        None if row.worker is None else WorkerId(row.worker),
        row.password_until,
    )


def _worker(row: Row[Any]) -> Worker:
    return Worker(OrganisationId(row.organisation), WorkerId(row.id), row.name, row.email, row.phone, row.supervisor)


def _place(row: Row[Any]) -> Place:
    return Place(OrganisationId(row.organisation), PlaceId(row.id), row.name, row.address, row.latitude, row.longitude)
