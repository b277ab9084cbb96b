"""Real servers for the tests, each on a free loopback port, each ended with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tocsin.settings import bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Result = TypeVar("Result")


class MissingProgramError(Exception):
    """A program the tests need is not on this machine."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is not installed: run 'make test', which installs it")


def program(name: str, *places: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", *places]))
    if found is None:
        raise MissingProgramError(name)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], Result], *, within_s: float = 10.0, every_s: float = 0.02) -> Result:
    """What ``look`` returns, as soon as it is true; fails when that takes too long."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {look}")
        time.sleep(every_s)
    return found


def wait_for_port(port: int, *, within_s: float = 20.0) -> None:
    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(is_open, within_s=within_s)


class Process:
    """A program under test that can be killed and started again; it gets no settings from our environment."""

    def __init__(self, command: Sequence[str], *, log: Path, port: int | None = None, user: int | None = None) -> None:
        self.command = list(command)
        self.port = port
        self._log = log
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                user=self._user,
                env=bare(os.environ),
                start_new_session=True,
            )
        if wait and self.port is not None:
            wait_for_port(self.port)

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        return self._log.read_text("utf-8", "replace")


def tocsin(*arguments: str) -> list[str]:
    """The command of this checkout."""
    return [sys.executable, "-m", "tocsin", *arguments]


def mosquitto(folder: Path, port: int | None = None) -> Process:
    """The broker of production, with the settings that design asks for."""
    port = port or free_port()
    config = folder / f"mosquitto-{port}.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        "max_queued_messages 0\nmax_inflight_messages 0\n"
    )
    return Process([program("mosquitto"), "-c", str(config)], log=folder / "mosquitto.log", port=port)


def embedded_broker(folder: Path, port: int | None = None) -> Process:
    port = port or free_port()
    config = folder / f"broker-{port}.toml"
    config.write_text(f"[broker]\nport = {port}\n")
    return Process(tocsin("hub", "broker", "--config", str(config)), log=folder / "broker.log", port=port)


BROKERS = {"mosquitto": mosquitto, "embedded": embedded_broker}


class Postgres:
    """A PostgreSQL of its own in a folder. It refuses to run as root, so root's privileges are dropped.

    Args:
        folder: for its data.
        settings: of the server, ``name=value``.
    """

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        self._folder = folder
        self._user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        self._count = 0
        places = [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")]
        places += ["/opt/homebrew/opt/postgresql/bin", "/usr/local/opt/postgresql/bin"]
        self._initdb, server = program("initdb", *places), program("postgres", *places)
        self.port = free_port()
        data, run = str(folder / "data"), str(folder)
        options = ["-D", data, "-p", str(self.port), "-k", run, "-c", "listen_addresses=127.0.0.1"]
        options += [word for setting in settings for word in ("-c", setting)]
        self.process = Process([server, *options], log=folder / "postgres.log", port=self.port, user=self._user)

    def start(self) -> None:
        if self._user is not None:
            os.chown(self._folder, self._user, -1)
        options = ["-D", str(self._folder / "data"), "-U", "tocsin", "--auth=trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([self._initdb, *options], check=True, capture_output=True, user=self._user, cwd="/")
        self.process.start()
        eventually(self._answers)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._dsn("postgres"), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    def _dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=tocsin dbname={database}"

    def new_database(self, template: str = "template0") -> str:
        """SQLAlchemy URL of a new database, a copy of ``template``."""
        import psycopg

        self._count += 1
        name = f"tocsin_{self._count}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://tocsin@127.0.0.1:{self.port}/{name}"


@contextmanager
def running(process: Process) -> Iterator[Process]:
    process.start()
    try:
        yield process
    finally:
        process.kill()
