"""A hub and a gateway in a folder: settings, keys, people; and processes that say when they are ready."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from benchmarks.wearers import ORGANISATION, SPEAKER
from hub.cases import sessions
from hub.cases.desk import Desk, Routes
from hub.domain.session import Risk
from hub.store import device_keys, devices, directory, schema, vault
from hub.store.devices import Device
from hub.store.directory import Account, Organisation, Place, Role, Worker
from hub.store.store import Store, open_engine
from protocols.ids import PlaceId, WorkerId
from tests.services import eventually, tocsin
from tocsin.settings import bare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from benchmarks.wearers import Wearer
    from hub.store.store import Tx

READY_S: Final = 180.0
STOP_S: Final = 20.0


def found(database: str, folder: Path, people: Sequence[Wearer]) -> None:
    """An organisation whose workers are all out, each in a session, one supervisor behind them."""
    store = Store(open_engine(database), vault.read_or_make(folder / "hub.keys"))
    schema.prepare(store.engine, store.vault)
    store.write(lambda tx: _found(tx, people))
    store.close()


def _found(tx: Tx, people: Sequence[Wearer]) -> None:
    directory.add_organisation(tx, Organisation(ORGANISATION, "Bench", "Europe/London"))
    directory.add_account(tx, Account(ORGANISATION, "sam", "Sam", "sam@bench.example", Role.SUPERVISOR))
    directory.add_place(tx, Place(ORGANISATION, PlaceId("home"), "Home", "", 51.5, -0.1))
    for wearer in people:
        _add(tx, wearer)


def _add(tx: Tx, wearer: Wearer) -> None:
    now, worker = datetime.now(UTC), WorkerId(wearer.worker)
    directory.add_worker(tx, Worker(ORGANISATION, worker, wearer.address, supervisor="sam"))
    devices.add(tx, Device(ORGANISATION, wearer.address, wearer.address))
    device_keys.add(tx, ORGANISATION, wearer.address, wearer.root)
    devices.assign(tx, ORGANISATION, wearer.address, worker)
    out = sessions.NewSession(worker, "home", now, now + timedelta(hours=2), Risk.NORMAL, start_now=True)
    sessions.log(Desk(tx, Routes()), ORGANISATION, out, "sam")


def hub_settings(folder: Path, database: str, broker_port: int, smtp_port: int | None = None) -> Path:
    path = folder / "hub.toml"
    email = f'[email]\nhost = "127.0.0.1"\nport = {smtp_port}\nsecurity = "none"\nsender = "hub@bench.example"\n'
    path.write_text(
        f'database = "{database}"\nkeys_file = "{folder / "hub.keys"}"\n'
        f"[mqtt]\nport = {broker_port}\n[web]\nport = 0\n{email if smtp_port else ''}",
        "utf-8",
    )
    return path


def gateway_settings(folder: Path, people: Sequence[Wearer], broker_port: int) -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f'organisation = "{ORGANISATION}"\ngateway = "{SPEAKER.gateway}"\ndata_dir = "{folder / "gateway"}"\n'
        f"[mqtt]\nport = {broker_port}\n" + "".join(_device(folder, wearer) for wearer in people),
        "utf-8",
    )
    return path


def _device(folder: Path, wearer: Wearer) -> str:
    key = folder / f"{wearer.worker}.key"
    key.write_text(wearer.key.hex(), "utf-8")
    return f'[[devices]]\naddress = "{wearer.address}"\nkey_file = "{key}"\n'


class Program:
    """A Python program of this checkout, fed through its standard input; a context that ends it.

    It gets no settings from our environment.

    Args:
        command: what to run.
        log: where what it says is kept.
        ready: what it says when it is.
    """

    def __init__(self, command: Sequence[str], *, log: Path, ready: str = "") -> None:
        self._command = command
        self._log = log
        self._ready = ready

    def __enter__(self) -> Self:
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=bare(os.environ),
                start_new_session=True,
            )
        eventually(self._is_ready, within_s=READY_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is not None:
            print(f"{self._log.name} ends:\n{self._said()[-3000:]}")
        self._process.terminate()
        try:
            self._process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, and gone when this returns."""
        self._process.kill()
        self._process.wait()

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._command} ended:\n{self._said()}")
        return self._ready in self._said()

    def _said(self) -> str:
        return self._log.read_text("utf-8", "replace")


def hub(settings: Path) -> Program:
    """A hub of its own process; its log stands beside its settings."""
    command = tocsin("hub", "run", "--config", str(settings))
    return Program(command, log=settings.with_name("hub.log"), ready="connected to broker")
