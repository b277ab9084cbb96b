"""A hub, a broker and several sites, each a host of its own, as processes: what the network tests cut apart."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

import httpx
from sqlalchemy import select

from hub.store import faults, journal, presence, schema, vault
from hub.store.faults import FaultKind
from hub.store.store import Store, open_engine
from hub.store.tables import events
from simulator import site_file, world
from simulator.mailbox import Mailbox
from simulator.office import ORGANISATION, found
from tests.faults.hosts import star
from tests.services import eventually, program, tocsin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from simulator.world import World
    from tests.faults.hosts import Host
    from tests.services import Process

HUB: Final = "hub"
BROKER_PORT: Final = 1883
METRICS_PORT: Final = 9100
WEB_PORT: Final = 8080
SLOW_PORT: Final = 1884
"""Ports of hosts that nobody else is on."""
UP_S: Final = 90


class Site:
    """A host with people's alarms on a virtual radio, and the real gateway."""

    def __init__(self, host: Host, name: str, folder: Path, people: Sequence[str]) -> None:
        self.host, self.name, self.people = host, name, people
        self.folder = folder / name
        self.folder.mkdir()
        file = self.folder / "world.toml"
        file.write_text(world_text([name], self.people), "utf-8")
        self._process = host.process(
            tocsin("simulate", "site", str(file), "--state", str(self.folder)), self.folder / "site.log"
        )
        self._gateway: Process | None = None

    def open(self) -> None:
        self._process.start()

    def join(self, port: int) -> None:
        """Its gateway looks for the broker in the middle, at this port."""
        ports = eventually(self._ports, within_s=UP_S)
        assert ports is not None
        command = ["simulate", "gateway", "--hci", ports.hci[self.name], "--config", str(self._settings(port))]
        self._gateway = self.host.process(tocsin(*command), self.folder / "gateway.log")
        self._gateway.start()

    def _ports(self) -> site_file.Ports | None:
        return site_file.find(self.folder) if (self.folder / site_file.FILE).exists() else None

    def _settings(self, port: int) -> Path:
        path, people = self.folder / "gateway.toml", world.load(self.folder / "world.toml")
        text = f'organisation = "{ORGANISATION}"\ngateway = "{self.name}"\ndata_dir = "{self.folder / "outbox"}"\n'
        text += f'[mqtt]\nhost = "{self.host.wire.middle}"\nport = {port}\n[metrics]\nport = {METRICS_PORT}\n'
        for person in self.people:
            key = self.folder / f"{person}.key"
            key.write_text(people.make(person).working_key().hex(), "utf-8")
            text += f'[[devices]]\naddress = "{people.make(person).address}"\nkey_file = "{key}"\n'
        path.write_text(text, "utf-8")
        return path

    def ask(self, method: str, path: str) -> Any:
        """What the site's control interface answers."""
        url = f"{site_file.find(self.folder).api}{path}"
        body: dict[str, str] | None = {} if method == "POST" else None
        answer = self.host.do(lambda: httpx.request(method, url, json=body, timeout=20))
        return answer.raise_for_status().json()

    def metric(self, name: str) -> float:
        text = self.host.do(lambda: urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics", timeout=20).read())
        lines = [line for line in text.decode().splitlines() if line.startswith(f"tocsin_gateway_{name}")]
        return sum(float(line.split()[-1]) for line in lines)

    def close(self) -> None:
        for process in (self._gateway, self._process):
            if process is not None:
                process.kill()


class Village:
    """All of it, running."""

    def __init__(self, folder: Path, middle: Host, hub: Host, sites: dict[str, Site], people: World) -> None:
        self.folder, self.middle, self.hub, self.sites = folder, middle, hub, sites
        self.database = f"sqlite:///{folder / 'hub.db'}"
        self.store = Store(open_engine(self.database), vault.read_or_make(folder / "hub.keys"))
        schema.prepare(self.store.engine, self.store.vault)
        self.store.write(lambda tx: found(tx, people, ""))
        self.mailbox = Mailbox(lambda: datetime.now(UTC))
        self._loop = asyncio.new_event_loop()
        self._postman = threading.Thread(target=self._loop.run_forever, name="mailbox", daemon=True)
        self._processes: list[Process] = []

    def open(self, *, keepalive_s: int, slow: Sequence[str]) -> None:
        """Everything, until each gateway has been heard of."""
        self._start(self.middle, [program("mosquitto"), "-c", str(self._broker())], "broker")
        self._open_mailbox()
        self._start(self.hub, tocsin("hub", "run", "--config", str(self._settings(keepalive_s))), "hub")
        for name, site in self.sites.items():
            site.open()
            if name in slow:
                relay = [sys.executable, "-m", "tests.faults.slow", str(SLOW_PORT), str(BROKER_PORT), "1.0"]
                self._start(self.middle, relay, "relay")
        for name, site in self.sites.items():
            site.join(SLOW_PORT if name in slow else BROKER_PORT)
        eventually(lambda: self._gateways() >= self.sites.keys(), within_s=UP_S)

    def _open_mailbox(self) -> None:
        """On the hub's host: a cut keeps no mail from it."""
        self.hub.do(self._postman.start)
        asyncio.run_coroutine_threadsafe(self.mailbox.open(), self._loop).result(20)

    def _start(self, host: Host, command: Sequence[str], name: str) -> None:
        process = host.process(command, self.folder / f"{name}.log")
        self._processes.append(process)
        process.start()

    def _broker(self) -> Path:
        path = self.folder / "mosquitto.conf"
        path.write_text(
            f"listener {BROKER_PORT} 0.0.0.0\nallow_anonymous true\nset_tcp_nodelay true\n"
            "max_queued_messages 0\nmax_inflight_messages 0\n"
        )
        return path

    def _settings(self, keepalive_s: int) -> Path:
        path = self.folder / "hub.toml"
        path.write_text(
            f'database = "{self.database}"\nkeys_file = "{self.folder / "hub.keys"}"\n'
            f'[mqtt]\nhost = "{self.hub.wire.middle}"\nport = {BROKER_PORT}\nkeepalive_s = {keepalive_s}\n'
            f"[web]\nport = {WEB_PORT}\n"
            f'[email]\nhost = "127.0.0.1"\nport = {self.mailbox.port}\nsecurity = "none"\nsender = "hub@demo.example"\n'
        )
        return path

    def _gateways(self) -> set[str]:
        return {gateway.id for gateway in self.store.read(lambda tx: presence.all_gateways(tx, ORGANISATION))}

    def act(self, person: str, action: str) -> None:
        self._site(person).ask("POST", f"/people/{person}/{action}")

    def person(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._site(name).ask("GET", f"/people/{name}")
        return found

    def _site(self, person: str) -> Site:
        return next(site for site in self.sites.values() if person in site.people)

    def mails(self, about: str = "") -> list[dict[str, Any]]:
        """The newest first."""
        return [mail.model_dump() for mail in self.mailbox.mails() if about.lower() in mail.subject.lower()]

    def recorded(self) -> list[tuple[str, int, int, int]]:
        """(address, epoch, sequence, stage) of every event the hub has."""
        columns = (events.c.address, events.c.epoch, events.c.sequence, events.c.stage)
        return self.store.read(lambda tx: [tuple(row) for row in tx.connection.execute(select(*columns))])

    def silent_gateways(self) -> set[str]:
        """Those about which there is a fault, open now."""
        listed = self.store.read(partial(faults.listed, organisation=ORGANISATION))
        return {fault.subject for fault in listed if fault.kind is FaultKind.GATEWAY_SILENT}

    def hub_is_healthy(self) -> bool:
        """What it says of itself, asked on its own host."""
        ask = partial(httpx.get, f"http://127.0.0.1:{WEB_PORT}/health", timeout=20)
        return self.hub.do(ask).is_success

    def journal_is_whole(self) -> bool:
        return not self.store.read(lambda tx: list(journal.verify(tx)))

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
        asyncio.run_coroutine_threadsafe(self.mailbox.close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._postman.join(20)
        self._loop.close()
        self.store.close()


def world_text(sites: Sequence[str], people: Sequence[str]) -> str:
    """A world with these gateways, everybody beside the first of them."""
    text = 'seed = 7\n[air]\nloss = 0.1\n[[places]]\nname = "hall"\nat = [0, 0]\n'
    text += "".join(f'[[gateways]]\nname = "{site}"\nplace = "hall"\n' for site in sites)
    return text + "".join(f'[[people]]\nname = "{person}"\nplace = "hall"\n' for person in people)


@contextmanager
def running_village(
    folder: Path, people: Mapping[str, Sequence[str]], *, keepalive_s: int, slow: Sequence[str] = ()
) -> Iterator[Village]:
    """A village whose gateways have all been heard of.

    Args:
        folder: of everything.
        people: of each site.
        keepalive_s: of the hub's connections; the gateways have the default.
        slow: sites whose gateway reaches the broker through a second of delay each way.

    Raises:
        HostsNotPermittedError: this process may not make network namespaces.
    """
    with ExitStack() as closing:
        middle, (hub, *hosts) = closing.enter_context(star(HUB, *people))
        file = folder / "world.toml"
        file.write_text(world_text([*people], [name for names in people.values() for name in names]), "utf-8")
        sites = {}
        for host, (name, names) in zip(hosts, people.items(), strict=True):
            sites[name] = Site(host, name, folder, names)
            closing.callback(sites[name].close)
        village = Village(folder, middle, hub, sites, world.load(file))
        closing.callback(village.close)
        village.open(keepalive_s=keepalive_s, slow=slow)
        yield village
