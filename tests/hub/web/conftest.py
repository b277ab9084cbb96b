from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from hub.store import device_keys, devices, directory
from hub.store.devices import Device
from hub.store.directory import Account, Organisation, Place, Role, Worker
from hub.web.app import build, equip
from hub.web.changes import Changes
from hub.web.context import Console
from protocols.ids import Address, OrganisationId, PlaceId, WorkerId
from tests.hub.desk import ACME
from tests.hub.web.visitor import CHEAP, Visitor

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from fastapi import FastAPI

    from hub.store.store import Store
    from tests.hub.desk import Office

OTHERS = OrganisationId("others")


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """What the web does is the same on every database; one is enough here."""
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    return f"sqlite:///{tmp_path / 'hub.db'}"


class Woken:
    """Counts how often the dispatcher would have looked."""

    def __init__(self) -> None:
        self.times = 0
        self.troubles: list[str] = []

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def console(store: Store, office: Office, woken: Woken) -> Console:
    store.write(_passwords)
    return Console(
        store=store,
        routes=office.routes,
        wake=woken,
        changed=Changes(store, poll_s=0.05, heartbeat_s=0.5),
        public_url="http://testserver",
        secure_cookies=False,
        metrics=lambda: b"tocsin_alarm_age_seconds 0.0\n",
        version="1.2.3",
        troubles=lambda: woken.troubles,
    )


def _passwords(tx: Any) -> None:
    directory.set_password(tx, ACME, "sam", CHEAP)
    directory.set_password(tx, ACME, "mo", CHEAP)
    directory.add_organisation(tx, Organisation(OTHERS, "Others", "Europe/Berlin"))
    directory.add_account(tx, Account(OTHERS, "olga", "Olga Other", None, Role.MANAGER, password_hash=CHEAP))
    directory.add_account(tx, Account(OTHERS, "ada", "Ada Admin", None, Role.ADMINISTRATOR, password_hash=CHEAP))
    directory.add_worker(tx, Worker(OTHERS, WorkerId("otto"), "Otto Other"))
    directory.add_place(tx, Place(OTHERS, PlaceId("hof"), "Hof"))
    devices.add(tx, Device(OTHERS, Address("C0:FF:EE:00:00:09"), "alarm 9"))
    device_keys.add(tx, OTHERS, Address("C0:FF:EE:00:00:09"), bytes(16))


_built: list[FastAPI] = []


@pytest.fixture
def app(console: Console) -> FastAPI:
    """Routes take long to build, and are the same for every test."""
    if not _built:
        _built.append(build(console))
    equip(_built[0], console)
    return _built[0]


@pytest.fixture
def anybody(app: FastAPI) -> Visitor:
    """Somebody in front of the door."""
    return Visitor(app)


@pytest.fixture
def sam(anybody: Visitor) -> Visitor:
    """The supervisor, signed in."""
    anybody.sign_in("sam")
    return anybody


@pytest.fixture
def olga(app: FastAPI) -> Visitor:
    """Of another organisation, signed in."""
    visitor = Visitor(app)
    visitor.sign_in("olga")
    return visitor
