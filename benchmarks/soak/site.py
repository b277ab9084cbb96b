"""The programs of a soak: hub, gateway, broker, database and mail server, and what is done to them."""

from __future__ import annotations

import signal
import sqlite3
import sys
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final, Self

from benchmarks.bare import LISTENING
from benchmarks.mail import Mails
from benchmarks.places import Program, found, gateway_settings, hub_settings
from benchmarks.process import handles, resident_mb, threads
from hub.store import vault
from hub.store.store import Store, open_engine
from tests.services import Postgres, Process, eventually, free_port, mosquitto, tocsin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from benchmarks.wearers import Wearer

READY_S: Final = 120.0


class Site:
    """A context: everything runs in it.

    Args:
        folder: for everything.
        people: who is out.
        kind: ``sqlite`` or ``postgresql``.
        gone_s: how long the database is away when it is.

    Attributes:
        store: the hub's database, from outside.
        done: faults so far, in words.
    """

    def __init__(self, folder: Path, people: Sequence[Wearer], kind: str, gone_s: float) -> None:
        self._folder = folder
        self._people = people
        self._gone_s = gone_s
        self._stack = ExitStack()
        self._postgres = _postgres(folder) if kind == "postgresql" else None
        self._database = f"sqlite:///{folder / 'hub.db'}" if self._postgres is None else ""
        self.broker = mosquitto(folder, free_port())
        self.done: list[str] = []

    def __enter__(self) -> Self:
        with self._stack as stack:
            if self._postgres is not None:
                stack.callback(self._postgres.process.kill)
                self._postgres.start()
                self._database = self._postgres.new_database()
            self.broker.start()
            stack.callback(self.broker.kill)
            mails = stack.enter_context(Mails(free_port()))
            found(self._database, self._folder, self._people)
            self.store = Store(open_engine(self._database), vault.read_or_make(self._folder / "hub.keys"))
            stack.callback(self.store.close)
            settings = hub_settings(self._folder, self._database, self.port, mails.port)
            self.hub = Process(tocsin("hub", "run", "--config", str(settings)), log=self._folder / "hub.log")
            self._start_hub()
            stack.callback(self.hub.kill)
            self.gateway = stack.enter_context(self._gateway())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def port(self) -> int:
        assert self.broker.port is not None
        return self.broker.port

    def _gateway(self) -> Program:
        settings = gateway_settings(self._folder, self._people[:1], self.port)
        command = [sys.executable, "-m", "tests.gateway.program", str(settings)]
        return Program(command, log=self._folder / "gateway.log", ready=LISTENING)

    def _start_hub(self) -> None:
        said = self._connections()
        self.hub.start()
        eventually(lambda: self._connections() > said, within_s=READY_S)

    def _connections(self) -> int:
        log = self._folder / "hub.log"
        return log.read_text("utf-8", "replace").count("connected to broker") if log.exists() else 0

    def takes(self) -> dict[str, float]:
        """Memory (MB), open files and threads of hub and gateway."""
        pids = {"hub": self.hub.pid, "gateway": self.gateway.pid}
        asked: dict[str, Callable[[int], float]] = {"memory": resident_mb, "handles": handles, "threads": threads}
        return {f"{program} {what}": ask(pid) for program, pid in pids.items() for what, ask in asked.items()}

    def kill_hub(self) -> None:
        self.hub.kill()
        self._start_hub()

    def kill_broker(self) -> None:
        """It comes back at the same address with nothing remembered."""
        self.broker.kill()
        self.broker.start()

    def take_database_away(self) -> None:
        """PostgreSQL is stopped as by a crash; nobody can write to SQLite."""
        if self._postgres is None:
            self._lock_sqlite()
            return
        self._postgres.process.send(signal.SIGQUIT)
        time.sleep(self._gone_s)
        eventually(self._postgres_is_back, within_s=READY_S, every_s=0.5)

    def _postgres_is_back(self) -> bool:
        assert self._postgres is not None
        if not self._postgres.process.is_alive():
            self._postgres.process.start()
        return self._postgres.process.is_alive()

    def _lock_sqlite(self) -> None:
        file = str(self._folder / "hub.db")
        with closing(sqlite3.connect(file, timeout=READY_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(self._gone_s)
            connection.execute("ROLLBACK")

    def do_harm(self, *, hub_lives: bool) -> None:
        """The next fault, and until it is over."""
        faults = [self.kill_broker, self.take_database_away]
        if not hub_lives:
            faults.insert(0, self.kill_hub)
        fault = faults[len(self.done) % len(faults)]
        self.done.append(fault.__name__.replace("_", " "))
        fault()


def _postgres(folder: Path) -> Postgres:
    place = folder / "postgres"
    place.mkdir()
    folder.chmod(0o755)  # PostgreSQL runs as somebody else when we are root
    return Postgres(place)
