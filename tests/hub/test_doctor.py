"""``tocsin hub doctor``, on a hub that is well and on one of which half is broken."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from hub.cases import restoring
from hub.cases.desk import Desk, Routes
from hub.doctor import checks, ways
from hub.settings import HubSettings
from hub.store import credentials, vault
from hub.store.store import Store, open_engine
from hub.store.tables import devices, journal
from tests.conftest import migrate
from tests.hub.conftest import Watch
from tests.hub.desk import ACME, Office
from tests.hub.test_channels import SmtpServer
from tests.services import Postgres, Process, free_port, mosquitto, running, tocsin, wait_for_port
from tocsin.cli import build
from tocsin.doctor import Verdict, examine
from tocsin.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.doctor import Result

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One as it comes, whose commits are synced."""
    with tempfile.TemporaryDirectory(prefix="tocsin-pg-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder))
        server.start()
        yield server
        server.process.kill()


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    url = postgres.new_database()
    migrate(url)
    return url.rpartition("/")[2]


class Patient:
    """A hub's machine."""

    def __init__(self, folder: Path, url: str, mqtt_port: int, smtp_port: int) -> None:
        self.folder, self.url, self.web = folder, url, free_port()
        self.config = folder / "hub.toml"
        (folder / "smtp.password").write_text("not-to-be-said")
        (folder / "desk.secret").write_text("not-to-be-said")
        self.config.write_text(
            f'database = "{url}"\nkeys_file = "{folder / "hub.keys"}"\n'
            f"[mqtt]\nport = {mqtt_port}\n[web]\nport = {self.web}\n"
            f'[email]\nhost = "127.0.0.1"\nport = {smtp_port}\nsecurity = "none"\nsender = "t@acme.example"\n'
            f'[[webhooks]]\norganisation = "acme"\nname = "desk"\nurl = "http://127.0.0.1:{smtp_port}/"\n'
            f'secret_file = "{folder / "desk.secret"}"\n'
        )
        self.keys = vault.read_or_make(folder / "hub.keys")

    def hub(self) -> Process:
        command = tocsin("hub", "run", "--config", str(self.config))
        return Process(command, log=self.folder / "hub.log", port=self.web)

    def store(self) -> Store:
        return Store(open_engine(self.url), self.keys)

    def look(self, *names: str) -> dict[str, Result]:
        """Some of it, in this process."""
        return {one.name: one for one in examine([check for check in checks(self.config) if check.name in names])}

    def doctor(self, *words: str) -> tuple[int, dict[str, dict[str, str]], str]:
        command = tocsin("hub", "doctor", "--json", "--config", str(self.config), *words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "not-to-be-said" not in done.stdout + done.stderr
        found = json.loads(done.stdout)
        return done.returncode, {check["name"]: check for check in found["checks"]}, done.stderr


def verdicts(found: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: check["verdict"] for name, check in found.items()}


@contextmanager
def starting(hub: Process) -> Iterator[None]:
    """Given the time that a busy machine needs."""
    assert hub.port is not None
    hub.start(wait=False)
    try:
        wait_for_port(hub.port, within_s=60)
        yield
    finally:
        hub.kill()


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def patient(tmp_path: Path, database_url: str, smtp: SmtpServer) -> Iterator[Patient]:
    with running(mosquitto(tmp_path)) as broker:
        assert broker.port is not None
        patient = Patient(tmp_path, database_url, broker.port, smtp.port)
        watch = Watch()
        watch.time = datetime.now(UTC)
        with closing(Store(open_engine(database_url), patient.keys, clock=watch)) as store:
            Office(store, watch)
        yield patient


def test_a_hub_that_is_well_is_found_so(patient: Patient) -> None:
    with starting(patient.hub()):
        subprocess.run(
            tocsin("hub", "backup", str(patient.folder / "b.tar"), "--config", str(patient.config)),
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        _, found, said = patient.doctor()
    well = {"database", "key file", "journal", "backup", "restore", "hub", "broker", "outbox", "e-mail"}
    assert {name: found[name] for name in well if found[name]["verdict"] != "ok"} == {}
    assert verdicts(found)["alarm proof"] == verdicts(found)["gateways"] == "warn"
    assert "alarm 1" in found["alarm proof"]["measured"]
    assert found["webhook acme/desk"]["advice"] == "use https"
    assert said == ""


def test_when_half_of_everything_is_broken_the_other_half_is_still_looked_at(patient: Patient) -> None:
    (patient.folder / "hub.keys").unlink()
    text = patient.config.read_text().replace(f"[web]\nport = {patient.web}", f"[web]\nport = {free_port()}")
    patient.config.write_text(text.replace('sender = "t@', 'username = "u"\npassword_file = "missing"\nsender = "t@'))
    code, found, _ = patient.doctor()
    assert code == 2
    bad = {name for name, verdict in verdicts(found).items() if verdict == "fail"}
    assert bad == {"key file", "hub", "e-mail"}
    assert all(found[name]["advice"] for name in bad)
    assert verdicts(found)["database"] == "ok"


def test_a_database_that_is_away_is_one_finding_and_the_rest_point_to_it(patient: Patient) -> None:
    away = f"postgresql+psycopg://tocsin:not-to-be-said@127.0.0.1:{free_port()}/x"
    patient.config.write_text(patient.config.read_text().replace(patient.url, away))
    code, found, _ = patient.doctor()
    assert (code, found["database"]["verdict"], found["journal"]["advice"]) == (2, "fail", "see 'database'")
    assert verdicts(found)["e-mail"] == "ok"


def test_a_broker_without_a_hub_is_a_warning(patient: Patient) -> None:
    found = patient.look("broker", "hub")
    assert (found["broker"].verdict, found["hub"].verdict) == ("warn", "fail")


def see(patient: Patient, work: Any) -> None:
    with closing(patient.store()) as store:
        store.write(work)


def test_a_restore_that_nobody_looked_through_is_a_warning(patient: Patient) -> None:
    see(patient, lambda tx: restoring.restored(Desk(tx, Routes()), tx.now, None))
    assert patient.look("restore")["restore"].verdict == "warn"
    see(patient, lambda tx: restoring.reviewed(Desk(tx, Routes()), "mo"))
    assert patient.look("restore")["restore"].verdict == "ok"


def test_a_journal_that_was_changed_is_broken(patient: Patient) -> None:
    see(patient, lambda tx: restoring.restored(Desk(tx, Routes()), tx.now, None))
    assert patient.look("journal")["journal"].verdict == "ok"
    see(patient, lambda tx: tx.connection.execute(update(journal).values(action="nothing")))
    assert patient.look("journal")["journal"].verdict == "fail"


def test_keys_that_do_not_open_what_is_sealed_are_broken(patient: Patient) -> None:
    see(patient, lambda tx: credentials.add(tx, ACME, "north", "not-to-be-said"))
    assert patient.look("key file")["key file"].verdict == "ok"
    vault.write(patient.folder / "hub.keys", [vault.new_key()])
    found = patient.look("key file")["key file"]
    assert (found.verdict, "the key file is lost" in found.advice) == ("fail", True)


def test_an_alarm_is_to_be_tested_once_a_month_and_its_age_is_said(patient: Patient) -> None:
    def proved(days: float) -> str:
        at = datetime.now(UTC) - timedelta(days=days)
        see(patient, lambda tx: tx.connection.execute(update(devices).values(proved_at=at)))
        found = patient.look("alarm proof")["alarm proof"]
        return f"{found.verdict}: {found.measured}"

    assert proved(30).startswith("ok: all 1 personal alarms tested, the one longest ago 30 days ago")
    assert proved(32).startswith("warn: not tested within 31 days: alarm 1 (32 days ago)")


def test_an_empty_password_file_is_said_plainly_and_what_a_server_without_passwords_wants(patient: Patient) -> None:
    empty = patient.folder / "empty.password"
    empty.write_text("\n")
    text = patient.config.read_text().replace(
        'sender = "t@', f'username = "u"\npassword_file = "{empty}"\nsender = "t@'
    )
    patient.config.write_text(text)
    found = patient.look("e-mail")["e-mail"]
    assert found.verdict == "fail"
    assert found.measured == f"email.password_file: {empty} is empty"
    assert "leave out password_file and username" in found.advice


def test_without_settings_the_doctor_says_where_it_looked_and_stops_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TOCSIN_HUB_CONFIG", raising=False)
    monkeypatch.setattr("hub.doctor.CONFIG", tmp_path / "hub.toml")
    done = CliRunner().invoke(build(), ["hub", "doctor"])
    assert done.exit_code == Verdict.FAIL
    assert f"looked at {tmp_path / 'hub.toml'}" in done.output
    assert "key file" not in done.output


def test_a_test_mail_is_sent_only_when_asked_for(patient: Patient, smtp: SmtpServer) -> None:
    patient.look("e-mail")
    assert smtp.mails == []
    assert ways.send_test(load(HubSettings, patient.config), "mo@acme.example").verdict is Verdict.OK
    (taken,) = smtp.mails
    assert "a test, nothing has happened" in taken["Subject"]
