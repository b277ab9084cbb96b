"""A real gateway with mock pins, Mosquitto, the hub, and e-mail: a press on the wall through the whole chain."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

import pytest
from aiosmtpd.controller import Controller

from hub.cases import incidents, sessions
from hub.cases.desk import Desk, Routes
from hub.domain.incident import Outcome
from hub.domain.session import Risk
from hub.store import directory, presence, vault, wired_events
from hub.store import incidents as incident_rows
from hub.store.directory import Account, Organisation, Place, Role, Worker
from hub.store.store import Store, open_engine
from protocols.ids import OrganisationId, PlaceId, WorkerId
from protocols.mqtt.envelope import ButtonSign
from tests.gateway.panel.wall import ALARM, BUTTON, BUZZER, HEARING, ONLINE, PANEL
from tests.services import Process, eventually, free_port, mosquitto, running, tocsin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiosmtpd.smtp import SMTP, Envelope, Session

    from hub.store.incidents import IncidentRecord
    from hub.store.store import Tx

PROGRAM: Final = Path(__file__).parents[1] / "gateway" / "panel" / "program.py"
ORGANISATION: Final = OrganisationId("charity")
HALL: Final = PlaceId("hall")

pytestmark = pytest.mark.timeout(180)


class Mailbox:
    """Takes every mail."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.subjects.append(str(message_from_bytes(bytes(envelope.content or b""))["subject"]))  # type: ignore[arg-type]
        return "250 OK"


class Wall:
    """The gateway in a process, with fingers on its pins."""

    def __init__(self, folder: Path, mqtt_port: int) -> None:
        self._folder = folder
        self.metrics = free_port()
        self._config = folder / "gateway.toml"
        self._config.write_text(
            f'organisation = "{ORGANISATION}"\ngateway = "porch"\ndata_dir = "{folder / "gateway"}"\n'
            f"[mqtt]\nport = {mqtt_port}\n[metrics]\nport = {self.metrics}\n{PANEL}"
        )

    def start(self) -> None:
        with (self._folder / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(self._config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        eventually(lambda: self.look(HEARING)[0] and self.changes(ALARM) >= 3)  # its lamp test is over

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hold(self) -> None:
        """Until it is understood."""
        before = self.changes(BUZZER)
        self._tell(f"low {BUTTON}")
        eventually(lambda: self.changes(BUZZER) > before)
        self._tell(f"high {BUTTON}")

    def test(self) -> None:
        """As somebody at the gateway does."""
        asked = [str(part) for part in tocsin("gateway", "panel", "test", "--data-dir", str(self._folder / "gateway"))]
        said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=30)
        assert "Hold the button" in said.stdout
        eventually(lambda: not self.is_steady(HEARING, lit=True, for_s=0.4))

    def look(self, pin: int) -> tuple[int, bool]:
        """How often a pin changed since the start, and whether it is high."""
        self._tell("look")
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        changes, high = found.get(f"GPIO{pin}", (0, False))
        return int(changes), bool(high)

    def changes(self, pin: int) -> int:
        return self.look(pin)[0]

    def is_steady(self, pin: int, *, lit: bool, for_s: float = 1.4) -> bool:
        """Longer as it is now than any blinking leaves it."""
        until, before = time.monotonic() + for_s, self.look(pin)
        while time.monotonic() < until and self.look(pin) == before:
            time.sleep(0.05)
        return before[1] is lit and self.look(pin) == before

    def metric(self, name: str) -> float:
        with urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"tocsin_gateway_{name}"))


class Chain:
    """Everything but the gateway."""

    def __init__(self, folder: Path, mqtt_port: int, smtp_port: int) -> None:
        database = f"sqlite:///{folder / 'hub.db'}"
        port = free_port()
        config = folder / "hub.toml"
        config.write_text(
            f'database = "{database}"\nkeys_file = "{folder / "hub.keys"}"\n[mqtt]\nport = {mqtt_port}\n'
            f'[web]\nport = {port}\npublic_url = "http://127.0.0.1:{port}"\n'
            f'[email]\nhost = "127.0.0.1"\nport = {smtp_port}\nsecurity = "none"\nsender = "tocsin@charity.example"\n'
        )
        self.mail = Mailbox()
        self.hub = Process(tocsin("hub", "run", "--config", str(config)), log=folder / "hub.log", port=port)
        self.store = Store(open_engine(database), vault.read_or_make(folder / "hub.keys"))
        self.hub.start()  # makes its tables
        self.hub.kill()
        self.store.write(_found)

    def desk(self, work: Any) -> Any:
        return self.store.write(lambda tx: work(Desk(tx, Routes())))

    def incident(self) -> IncidentRecord | None:
        found = self.store.read(partial(incident_rows.listed, organisation=ORGANISATION, only_live=False))
        return found[0] if found else None

    def recorded(self) -> list[ButtonSign]:
        events = self.store.read(lambda tx: wired_events.of_gateway(tx, ORGANISATION, "porch"))
        return [event.data.sign for event in events]


def _found(tx: Tx) -> None:
    directory.add_organisation(tx, Organisation(ORGANISATION, "Charity", "Europe/London"))
    directory.add_account(tx, Account(ORGANISATION, "sam", "Sam", "sam@charity.example", Role.SUPERVISOR))
    directory.add_worker(tx, Worker(ORGANISATION, WorkerId("alice"), "Alice Archer", None, None, "sam"))
    directory.add_place(tx, Place(ORGANISATION, HALL, "Hall", "1 High Street", None, None))
    presence.put_place(tx, ORGANISATION, "porch", HALL, state="unknown")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Process]:
    with running(mosquitto(tmp_path)) as process:
        yield process


@pytest.fixture
def chain(tmp_path: Path, broker: Process) -> Iterator[Chain]:
    assert broker.port is not None
    smtp_port = free_port()
    made = Chain(tmp_path, broker.port, smtp_port)
    smtp = Controller(made.mail, hostname="127.0.0.1", port=smtp_port)  # type: ignore[no-untyped-call]
    smtp.start()  # type: ignore[no-untyped-call]
    try:
        yield made
    finally:
        made.hub.kill()
        made.store.close()
        smtp.stop()  # type: ignore[no-untyped-call]


@pytest.fixture
def wall(tmp_path: Path, broker: Process) -> Iterator[Wall]:
    assert broker.port is not None
    made = Wall(tmp_path, broker.port)
    made.start()
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.kill()


def test_a_press_is_mailed_and_each_stage_comes_back_to_the_panel(chain: Chain, wall: Wall) -> None:
    chain.hub.start()
    now = datetime.now(UTC)
    new = sessions.NewSession("alice", HALL, now, now + timedelta(hours=1), Risk.NORMAL, start_now=True)
    chain.desk(lambda desk: sessions.log(desk, ORGANISATION, new, "sam"))
    eventually(lambda: wall.is_steady(ONLINE, lit=True) and wall.is_steady(HEARING, lit=True), within_s=30)
    wall.hold()
    eventually(lambda: chain.mail.subjects, within_s=20)
    assert chain.mail.subjects == ["ALARM: panic: Alice Archer"]
    incident = chain.incident()
    assert incident is not None
    assert (incident.match.worker, incident.match.place, incident.gateway) == ("alice", HALL, "porch")
    assert not wall.is_steady(ALARM, lit=True)
    chain.desk(lambda desk: incidents.take(desk, ORGANISATION, incident.id, "sam"))
    eventually(lambda: wall.is_steady(ALARM, lit=True), within_s=20)
    chain.desk(lambda desk: incidents.close(desk, ORGANISATION, incident.id, "sam", Outcome.GENUINE, "helped"))
    eventually(lambda: wall.is_steady(ALARM, lit=False), within_s=20)
    assert chain.recorded() == [ButtonSign.PANIC]


def test_killed_between_press_and_receipt_it_still_arrives_and_once(chain: Chain, wall: Wall) -> None:
    wall.hold()
    eventually(lambda: wall.metric("outbox_depth") == 1 and wall.metric("outbox_unstored") == 0)
    wall.kill()
    wall.start()
    assert not wall.is_steady(ALARM, lit=False)
    chain.hub.start()
    eventually(lambda: chain.mail.subjects, within_s=30)
    eventually(lambda: wall.metric("outbox_depth") == 0, within_s=30)
    assert chain.recorded() == [ButtonSign.PANIC]
    assert len(chain.mail.subjects) == 1
    incident = chain.incident()
    assert incident is not None
    assert incident.match.place == HALL


def test_a_hold_in_test_mode_proves_the_chain_and_pages_nobody(chain: Chain, wall: Wall) -> None:
    chain.hub.start()
    eventually(lambda: wall.is_steady(ONLINE, lit=True), within_s=30)
    wall.test()
    wall.hold()
    eventually(lambda: chain.recorded() == [ButtonSign.TEST], within_s=20)
    eventually(lambda: wall.metric("outbox_depth") == 0, within_s=20)
    assert chain.incident() is None
    assert chain.mail.subjects == []
