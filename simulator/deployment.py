"""A whole Tocsin in one folder: broker, hub, simulated site and its gateways, each a process of its own.

The demo shows it to people; the end-to-end tests kill its parts.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from hub.store import directory, presence, schema, vault
from hub.store.store import Store, open_engine
from hub.web.accounts import hash_password
from simulator import world
from simulator.backstage import Backstage
from simulator.cable import Cable
from simulator.hosted import Hosted
from simulator.office import ORGANISATION, clear, found, give_back, log_session, log_sessions
from simulator.part import Part
from simulator.shared_time import set_step

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

    from simulator.site_file import Ports

__all__ = ["ORGANISATION", "Deployment", "Plan", "log_session"]

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to put up.

    Attributes:
        folder: of everything: settings, keys, database, logs.
        world: the world file.
        database: SQLAlchemy URL; None = SQLite in the folder.
        mqtt_port: of a broker that runs already; None = bring up the embedded one.
        web_port: of the console; 0 = any free one.
        page_port: of the page of the world; 0 = any free one.
        sessions: how long a session everybody has from the beginning; None = nobody has one.
        password: of the account ``admin``.
    """

    folder: Path
    world: Path
    password: str
    database: str | None = None
    mqtt_port: int | None = None
    web_port: int = 0
    page_port: int = 0
    sessions: timedelta | None = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class Deployment:
    """Puts up what a plan says: the world on threads of this process, everything else as a process of its own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world = world.load(plan.world)
        self.database = plan.database or f"sqlite:///{plan.folder / 'hub.db'}"
        self.mqtt_port = plan.mqtt_port or free_port()
        self.web_port = plan.web_port or free_port()
        self.state = plan.folder / "site"
        self.parts: dict[str, Part] = {}
        self.cables: dict[str, Cable] = {}
        self.metrics_ports: dict[str, int] = {}
        self.steps: dict[str, float] = {}
        self._hosted: Hosted | None = None
        self._ports: Ports | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.web_port}"

    @property
    def ports(self) -> Ports:
        if self._ports is None:
            raise RuntimeError("the world is not open")
        return self._ports

    @property
    def hosted(self) -> Hosted:
        if self._hosted is None:
            raise RuntimeError("the world is not open")
        return self._hosted

    def start(self) -> None:
        """Everything, in the order in which one part needs another.

        Raises:
            NotReadyError: a part did not come up.
        """
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        self._write_keys()
        self._start_broker()
        self._hosted = Hosted(self.world, self.state, Backstage(self))
        self._ports = self._hosted.start(self.plan.page_port)
        self._write_hub()
        self._found()
        late = [self._begin("hub", self._hub_arguments(), self._hub_is_up)]
        for gateway in self.ports.hci:
            self.cables[gateway] = Cable(self.mqtt_port)
            late.append(self._begin_gateway(gateway))
        for part in late:
            part.wait()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nobody has an alarm raised; everybody wears their own and has the session that the plan gives them."""
        with contextlib.closing(self.open_store()) as store:
            clear(store)
            give_back(store, self.world)
            if self.plan.sessions is not None:
                log_sessions(store, self.world.people, self.plan.sessions)

    def _hub_arguments(self) -> list[str]:
        return ["simulate", "hub", "--config", str(self.plan.folder / "hub.toml"), "--clock", self.ports.clock]

    def step_clock(self, gateway: str, seconds: float) -> None:
        """From now on the wall clock of a gateway is wrong by so much; negative = behind."""
        self.steps[gateway] = seconds
        set_step(self._step_file(gateway), seconds)

    def _step_file(self, gateway: str) -> Path:
        return self.plan.folder / f"gateway-{gateway}.step"

    def _begin_gateway(self, gateway: str) -> Part:
        self.step_clock(gateway, 0)
        arguments = ["simulate", "gateway", "--hci", self.ports.hci[gateway], "--clock", self.ports.clock]
        arguments += ["--step", str(self._step_file(gateway)), "--config", str(self._write_gateway(gateway))]
        return self._begin(f"gateway-{gateway}", arguments, partial(self._gateway_is_up, gateway))

    def stop(self) -> None:
        """The hub first: it has nobody told that its gateways are gone."""
        parts = [*reversed(self.parts.values())]
        for part in sorted(parts, key=lambda part: part.name != "hub"):
            part.stop()
        for cable in self.cables.values():
            cable.close()
        if self._hosted is not None:
            self._hosted.stop()

    def open_store(self) -> Store:
        """The hub's database, beside the running hub."""
        keys = vault.read_or_make(self.plan.folder / "hub.keys")
        return Store(open_engine(self.database), keys, clock=self.hosted.time)

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
            f"{self._mqtt(self.cables[name].port)}\n[metrics]\nport = {self._metrics_port(name)}\n\n{devices}",
            "utf-8",
        )
        return path

    def _metrics_port(self, name: str) -> int:
        return self.metrics_ports.setdefault(name, free_port())

    def _found(self) -> None:
        """An organisation with the people and places of the world, unless it is there already."""
        with contextlib.closing(self.open_store()) as store:
            schema.prepare(store.engine, store.vault)
            if not store.read(directory.all_organisations):
                password = hash_password(self.plan.password)
                store.write(lambda tx: found(tx, self.world, password))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
