"""A whole Tocsin in one folder: broker, hub, simulated site and its gateways, each a process of its own.

The demo shows it to people; the end-to-end tests kill its parts.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import httpx

from hub.cases import sessions
from hub.cases.desk import Desk, Routes
from hub.store import directory, presence, schema, vault
from hub.store.directory import Account, Device, Organisation, Place, Role, Worker
from hub.store.store import Store, open_engine
from hub.web.accounts import hash_password
from protocols.ids import Address, OrganisationId, PlaceId, WorkerId
from simulator import site_file, world
from simulator.cable import Cable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.domain.session import Risk
    from hub.store.store import Tx
    from simulator.site_file import Ports
    from simulator.world import World

ORGANISATION: Final = OrganisationId("demo")
LOOPBACK: Final = "127.0.0.1"
READY_S: Final = 30.0


class NotReadyError(Exception):
    """A part that did not come up.

    Attributes:
        part: which.
        said: the end of its log.
    """

    def __init__(self, part: str, said: str) -> None:
        super().__init__(f"{part} did not come up:\n{said}")
        self.part = part
        self.said = said


@dataclass(frozen=True, slots=True)
class Plan:
    """What to put up.

    Attributes:
        folder: of everything: settings, keys, database, logs.
        world: the world file.
        database: SQLAlchemy URL; None = SQLite in the folder.
        mqtt_port: of a broker that runs already; None = bring up the embedded one.
        web_port: of the console; 0 = any free one.
        password: of the account ``admin``.
    """

    folder: Path
    world: Path
    password: str
    database: str | None = None
    mqtt_port: int | None = None
    web_port: int = 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class Part:
    """One process, started again as often as it is asked to."""

    def __init__(self, name: str, folder: Path, arguments: list[str], is_up: Callable[[], bool]) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        self._command = [sys.executable, "-m", "tocsin", *arguments]
        self._is_up = is_up
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                self._command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def wait(self) -> None:
        """Until it is up.

        Raises:
            NotReadyError: it ended, or took too long.
        """
        give_up = time.monotonic() + READY_S
        while not self._is_up():
            if self.process is None or self.process.poll() is not None or time.monotonic() > give_up:
                raise NotReadyError(self.name, self.said())
            time.sleep(0.05)

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")[-2000:] if self._log.exists() else ""

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            self.kill()


class Deployment:
    """Puts up what a plan says."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world = world.load(plan.world)
        self.database = plan.database or f"sqlite:///{plan.folder / 'hub.db'}"
        self.mqtt_port = plan.mqtt_port or free_port()
        self.web_port = plan.web_port or free_port()
        self.state = plan.folder / "site"
        self.parts: dict[str, Part] = {}
        self.cables: dict[str, Cable] = {}

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.web_port}"

    @property
    def ports(self) -> Ports:
        return site_file.find(self.state)

    def start(self) -> None:
        """Everything, in the order in which one part needs another.

        Raises:
            NotReadyError: a part did not come up.
        """
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        self._write_keys()
        self._start_broker()
        self._up("site", ["simulate", "site", str(self.plan.world), "--state", str(self.state)], self._site_is_up)
        self._write_hub()
        self._found()
        late = [self._begin("hub", ["hub", "run", "--config", str(self.plan.folder / "hub.toml")], self._hub_is_up)]
        for gateway in self.ports.hci:
            self.cables[gateway] = Cable(self.mqtt_port)
            late.append(self._begin_gateway(gateway, clock_offset_s=0))
        for part in late:
            part.wait()

    def restart_gateway(self, gateway: str, *, clock_offset_s: int) -> None:
        """The same gateway, its clock wrong by so much.

        Raises:
            NotReadyError: it did not come up.
        """
        self.parts[f"gateway-{gateway}"].stop()
        self._begin_gateway(gateway, clock_offset_s=clock_offset_s).wait()

    def _begin_gateway(self, gateway: str, *, clock_offset_s: int) -> Part:
        arguments = ["simulate", "gateway", "--hci", self.ports.hci[gateway]]
        arguments += ["--config", str(self._write_gateway(gateway)), "--clock-offset", str(clock_offset_s)]
        return self._begin(f"gateway-{gateway}", arguments, partial(self._gateway_is_up, gateway))

    def stop(self) -> None:
        for part in reversed(self.parts.values()):
            part.stop()
        for cable in self.cables.values():
            cable.close()

    def open_store(self) -> Store:
        """The hub's database, beside the running hub."""
        return Store(open_engine(self.database), vault.read_or_make(self.plan.folder / "hub.keys"))

    def _begin(self, name: str, arguments: list[str], is_up: Callable[[], bool]) -> Part:
        part = self.parts[name] = Part(name, self.plan.folder, arguments, is_up)
        part.start()
        return part

    def _up(self, name: str, arguments: list[str], is_up: Callable[[], bool]) -> None:
        self._begin(name, arguments, is_up).wait()

    def _start_broker(self) -> None:
        config = self.plan.folder / "broker.toml"
        config.write_text(f"[broker]\nport = {self.mqtt_port}\n", "utf-8")
        if self.plan.mqtt_port is None:
            self._up("broker", ["hub", "broker", "--config", str(config)], lambda: _answers(self.mqtt_port))

    def _site_is_up(self) -> bool:
        return (self.state / site_file.FILE).exists() and httpx.get(f"{self.ports.api}/people").is_success

    def _hub_is_up(self) -> bool:
        return _answers(self.web_port)

    def _gateway_is_up(self, name: str) -> bool:
        with contextlib.closing(self.open_store()) as store:
            return store.read(lambda tx: presence.get_gateway(tx, ORGANISATION, name)) is not None

    def _write_keys(self) -> None:
        for person in self.world.people:
            path = self._key_file(person.name)
            path.write_text(self.world.make(person.name).working_key().hex() + "\n", "utf-8")
            path.chmod(0o600)

    def _key_file(self, person: str) -> Path:
        return self.plan.folder / f"{person}.key"

    def _mqtt(self, port: int) -> str:
        protocol = "3.1.1" if self.plan.mqtt_port is None else "auto"
        return f'[mqtt]\nhost = "{LOOPBACK}"\nport = {port}\nprotocol = "{protocol}"\n'

    def _write_hub(self) -> None:
        (self.plan.folder / "hub.toml").write_text(
            f'database = "{self.database}"\nkeys_file = "{self.plan.folder / "hub.keys"}"\n\n'
            f"{self._mqtt(self.mqtt_port)}\n"
            f'[web]\nport = {self.web_port}\npublic_url = "{self.url}"\n\n'
            f'[email]\nhost = "{LOOPBACK}"\nport = {self.ports.smtp_port}\nsecurity = "none"\n'
            'sender = "tocsin@demo.example"\n',
            "utf-8",
        )

    def _write_gateway(self, name: str) -> Path:
        path = self.plan.folder / f"gateway-{name}.toml"
        devices = "".join(
            f'[[devices]]\naddress = "{self.world.make(person.name).address}"\n'
            f'key_file = "{self._key_file(person.name)}"\n\n'
            for person in self.world.people
        )
        path.write_text(
            f'organisation = "{ORGANISATION}"\ngateway = "{name}"\ndata_dir = "{self.plan.folder / name}"\n\n'
            f"{self._mqtt(self.cables[name].port)}\n{devices}",
            "utf-8",
        )
        return path

    def _found(self) -> None:
        """An organisation with the people and places of the world, unless it is there already."""
        with contextlib.closing(self.open_store()) as store:
            schema.prepare(store.engine, store.vault)
            if not store.read(directory.all_organisations):
                password = hash_password(self.plan.password)
                store.write(lambda tx: _found(tx, self.world, password))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _found(tx: Tx, site: World, password_hash: str) -> None:
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


def _add_worker(tx: Tx, site: World, person: world.Person) -> None:
    make = site.make(person.name)
    address = Address(str(make.address))
    email = f"{person.name}@demo.example"
    worker = Worker(ORGANISATION, WorkerId(person.name), person.name.title(), email, "01632 960000", "sam")
    directory.add_worker(tx, worker)
    directory.add_device(tx, Device(ORGANISATION, address, f"Alarm of {person.name.title()}", make.key))
    directory.assign(tx, ORGANISATION, address, worker.id)


def log_session(store: Store, person: str, place: str, risk: Risk, length: timedelta) -> str:
    """A session of somebody in the world, under way from now."""
    now = datetime.now(UTC)
    new = sessions.NewSession(person, place, now, now + length, risk, start_now=True)
    return store.write(lambda tx: sessions.log(Desk(tx, Routes()), ORGANISATION, new, "admin")).id
