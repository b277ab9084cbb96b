"""Backups: taken while the hub works, checked, restored; and what a restore must not bring back."""

from __future__ import annotations

import json
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from hub.backup import archive, checking, keeping
from hub.backup.manifest import BackupError
from hub.store import credentials, devices, faults, incidents, journal, outbox, restores, sign_ins, vault
from hub.store.faults import FaultKind
from hub.store.outbox import ItemKind, ItemState, NewItem
from hub.store.restores import Label
from hub.store.store import Store, open_engine
from hub.store.tables import devices as device_rows
from hub.store.tables import outbox as outbox_rows
from protocols.events import Cause
from tests.hub.conftest import Watch
from tests.hub.desk import ACME, ADDRESS, Office
from tocsin.cli import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.store import Tx


class Replaying(Office):
    """At work in a database that is there already; its gateways offer again what they keep."""

    def _found(self, tx: Tx) -> None:
        """Nothing is founded."""

    def replay(self, frame: bytes, *, age_s: float) -> None:
        message = self.message(frame, age_s=age_s)
        message.payload = json.dumps({**json.loads(message.payload), "replayed": True}).encode()
        self.ingest.step([message])  # type: ignore[list-item]
        self.dispatch()


class Machine:
    """A hub's settings, key file and database, and its command line."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.config = folder / "hub.toml"
        self.config.write_text(f'database = "{url}"\nkeys_file = "{folder / "hub.keys"}"\n')
        self.keys = vault.read_or_make(folder / "hub.keys")
        self.watch = Watch()
        self.watch.time = datetime.now(UTC) - timedelta(hours=10)

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def store(self) -> Store:
        return Store(open_engine(self.url), self.keys, clock=self.watch)

    def run(self, *words: str, code: int = 0) -> str:
        result = CliRunner().invoke(build(), ["hub", *words, "--config", str(self.config)])
        assert result.exit_code == code, result.output
        return result.output

    def see(self, work: Any) -> Any:
        with closing(self.store()) as store:
            return store.read(work)


@pytest.fixture
def machine(database_url: str, tmp_path: Path) -> Machine:
    return Machine(tmp_path, database_url)


@pytest.fixture
def office(machine: Machine) -> Iterator[Office]:
    """Yesterday's: at work in the database that is backed up."""
    with closing(machine.store()) as store:
        yield Office(store, machine.watch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "hub.tar"


def restore(machine: Machine, file: Path, *words: str) -> str:
    """As an operator would: the present database is moved aside."""
    return machine.run("restore", str(file), "--replace", *words)


def destroy(machine: Machine) -> None:
    """Nothing is left of the database."""
    if machine.is_sqlite:
        for path in machine.folder.glob("hub.db*"):
            path.unlink()
        return
    engine = open_engine(machine.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def test_a_backup_taken_while_the_hub_works_is_whole_and_says_what_is_in_it(
    machine: Machine, office: Office, file: Path
) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    said = machine.run("backup", str(file))
    manifest, problems = checking.check(file, machine.keys)
    assert problems == []
    assert (manifest.rows["incidents"], manifest.rows["events"]) == (1, 1)
    assert manifest.journal.entries == office.store.read(lambda tx: len(list(tx.connection.execute(select(
        journal.journal)))))  # fmt: skip
    assert "Whole" in said
    assert "Not in it: the key file" in said
    assert machine.see(restores.backed_up_at) == manifest.taken_at


def test_the_backup_is_readable_by_its_owner_alone_and_begins_with_its_manifest(
    machine: Machine, office: Office, file: Path
) -> None:
    machine.run("backup", str(file))
    with tarfile.open(file) as tar:
        assert tar.getnames() == ["manifest.json", "heads.txt", "database"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_backup_holds_no_key_and_no_secret_in_the_open(machine: Machine, office: Office, file: Path) -> None:
    credential = office.desk(lambda desk: credentials.add(desk.tx, ACME, "north", "a-secret-of-a-gateway"))
    machine.run("backup", str(file))
    content = file.read_bytes()
    assert credential.secret_hash.encode() in content or not machine.is_sqlite
    assert b"a-secret-of-a-gateway" not in content
    assert (machine.folder / "hub.keys").read_bytes().strip() not in content
    assert archive.read(file).sealed_under == (vault.key_id(_key(machine)).hex(),)


def _key(machine: Machine) -> bytes:
    return bytes.fromhex((machine.folder / "hub.keys").read_text().split()[0])


def test_a_backup_that_another_key_file_does_not_open_is_said(machine: Machine, office: Office, file: Path) -> None:
    office.desk(lambda desk: credentials.add(desk.tx, ACME, "north", "a-secret"))
    machine.run("backup", str(file))
    vault.write(machine.folder / "hub.keys", [vault.new_key()])
    assert "not in the key file" in machine.run("backup", "--verify", str(file), code=2)
    assert "something is wrong" in machine.run("restore", str(file), "--replace", code=1)


def test_a_byte_that_changed_is_noticed(machine: Machine, office: Office, file: Path) -> None:
    machine.run("backup", str(file))
    content = bytearray(file.read_bytes())
    content[-20_000] ^= 1
    file.write_bytes(content)
    assert "damaged" in machine.run("backup", "--verify", str(file), code=1)
    assert "damaged" in machine.run("restore", str(file), "--replace", code=1)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(10240)])
def test_what_is_no_backup_is_called_so(machine: Machine, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    with pytest.raises(BackupError, match=r"backup|read"):
        archive.read(path)


def test_a_journal_that_was_changed_is_backed_up_and_said(machine: Machine, office: Office, file: Path) -> None:
    office.session()
    office.store.write(lambda tx: tx.connection.execute(update(journal.journal).values(action="nothing")))
    assert "was changed" in machine.run("backup", str(file), code=2)
    assert file.exists()


def test_a_folder_keeps_so_many_and_the_newest(machine: Machine, office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    old = [folder / keeping.name(datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2, 3)]
    for path in old:
        path.write_bytes(b"x")
    (folder / "mine.tar").write_bytes(b"x")
    machine.run("backup", str(folder), "--keep", "2")
    assert keeping.newest(folder)[1:] == [old[2]]
    assert (folder / "mine.tar").exists()


def test_a_backup_that_can_not_be_written_leaves_the_last_one(machine: Machine, office: Office, file: Path) -> None:
    machine.run("backup", str(file))
    before = file.read_bytes()
    (file.parent / f".{file.name}.new").mkdir()
    assert "can't be written" in machine.run("backup", str(file), code=1)
    assert file.read_bytes() == before


def test_a_restore_is_refused_while_a_hub_runs(machine: Machine, office: Office, file: Path) -> None:
    machine.run("backup", str(file))
    assert "stop" in machine.run("restore", str(file), "--replace", code=1)


def test_a_restore_into_a_database_with_data_needs_to_be_told(machine: Machine, office: Office, file: Path) -> None:
    machine.run("backup", str(file))
    office.store.close()
    assert "--replace" in machine.run("restore", str(file), code=1)
    assert machine.see(restores.number) == 0


def test_what_was_in_the_database_is_moved_aside(machine: Machine, office: Office, file: Path) -> None:
    machine.run("backup", str(file))
    office.hear(office.alarm.event(Cause.PANIC))
    office.store.close()
    restore(machine, file)
    assert machine.see(lambda tx: incidents.listed(tx, ACME, only_live=False)) == []
    assert _aside(machine) == 1


def _aside(machine: Machine) -> int:
    """Incidents in what was moved aside."""
    if machine.is_sqlite:
        (path,) = machine.folder.glob("hub.before-restore-*.db")
        engine = open_engine(f"sqlite:///{path}")
        name = "incidents"
    else:
        engine = open_engine(machine.url)
        with engine.connect() as connection:
            found = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'before_restore_')"
            name = f"{connection.exec_driver_sql(found).scalar_one()}.incidents"
    with engine.connect() as connection:
        count = connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()  # noqa: S608
    engine.dispose()
    return int(count)


def test_everything_is_there_after_a_restore_and_the_journal_holds(
    machine: Machine, office: Office, file: Path
) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    before = office.incidents()
    machine.run("backup", str(file))
    office.store.close()
    destroy(machine)
    machine.run("restore", str(file))
    assert [each.id for each in machine.see(lambda tx: incidents.listed(tx, ACME, only_live=True))] == [before[0].id]
    assert not machine.see(lambda tx: list(journal.verify(tx)))
    assert machine.see(lambda tx: journal.read(tx, ACME, before[0].id))[-1].action == Label.RESTORED


def test_the_number_of_the_restore_rises_whatever_was_restored(machine: Machine, office: Office, file: Path) -> None:
    machine.run("backup", str(file))
    office.store.close()
    numbers = [0]
    for _ in range(2):
        restore(machine, file)
        numbers.append(machine.see(restores.number))
    destroy(machine)
    machine.run("restore", str(file))
    numbers.append(machine.see(restores.number))
    assert numbers[1] < numbers[2] <= numbers[3] + 2
    assert numbers[1] > 1_700_000_000


def test_a_device_believes_what_the_restored_hub_says(machine: Machine, office: Office, file: Path) -> None:
    machine.run("backup", str(file))
    for _ in range(50):
        office.hear(office.alarm.event(Cause.CHECK_IN))
    said = office.store.read(lambda tx: devices.get(tx, ACME, ADDRESS)).downlink_counter  # type: ignore[union-attr]
    office.store.close()
    destroy(machine)
    machine.run("restore", str(file))
    assert machine.see(lambda tx: devices.get(tx, ACME, ADDRESS)).downlink_counter > said + 900_000


def test_a_counter_that_ran_far_ahead_is_known_from_the_database_that_is_replaced(
    machine: Machine, office: Office, file: Path
) -> None:
    machine.run("backup", str(file))
    office.store.write(lambda tx: tx.connection.execute(update(device_rows).values(downlink_counter=50_000_000)))
    office.store.close()
    restore(machine, file)
    assert machine.see(lambda tx: devices.get(tx, ACME, ADDRESS)).downlink_counter > 50_000_000


def test_sign_ins_codes_and_tokens_are_ended_when_nothing_is_left_of_the_former_database(
    machine: Machine, office: Office, file: Path
) -> None:
    sign_in = sign_ins.SignIn(ACME, "sam", "csrf", machine.watch.now() + timedelta(days=1))
    office.store.write(lambda tx: sign_ins.add(tx, "cookie", sign_in))
    office.store.write(partial(_add_token, secret="token"))
    machine.run("backup", str(file))
    office.store.close()
    destroy(machine)
    machine.watch.time = datetime.now(UTC)
    assert "1 sign-ins" in machine.run("restore", str(file))
    assert machine.see(lambda tx: sign_ins.get(tx, "cookie")) is None
    assert machine.see(_token).revoked_at is not None


def _add_token(tx: Tx, secret: str) -> None:
    from hub.store import api_tokens

    token = api_tokens.ApiToken(ACME, "t1", "wall screen", frozenset({"x"}), "sam", tx.now, tx.now + timedelta(days=90))
    api_tokens.add(tx, token, secret)


def _token(tx: Tx) -> Any:
    from hub.store import api_tokens

    return api_tokens.get(tx, ACME, "t1")


def test_what_was_revoked_since_the_backup_stays_revoked(machine: Machine, office: Office, file: Path) -> None:
    record = office.desk(lambda desk: credentials.add(desk.tx, ACME, "north", "s"))
    office.store.write(partial(_add_token, secret="token"))
    machine.run("backup", str(file))
    office.desk(lambda desk: credentials.end(desk.tx, record, "stolen"))
    office.desk(lambda desk: desk.tx.connection.execute(update(device_rows).values(revoked_at=desk.now)))
    office.store.close()
    assert "stays revoked" in restore(machine, file)
    assert machine.see(credentials.live) == []
    assert machine.see(lambda tx: devices.get(tx, ACME, ADDRESS)).revoked_at is not None
    assert machine.see(_token).revoked_at is None


def test_gateways_that_may_have_been_revoked_since_are_listed(machine: Machine, office: Office, file: Path) -> None:
    office.desk(lambda desk: credentials.add(desk.tx, ACME, "north", "s"))
    machine.run("backup", str(file))
    office.store.close()
    destroy(machine)
    said = machine.run("restore", str(file))
    assert "acme/north: credential 1" in said
    assert "hub gateway revoke" in said
    assert [each.kind for each in machine.see(lambda tx: faults.listed(tx, ACME))] == [FaultKind.RESTORED]
    machine.run("reviewed", "mo")
    assert machine.see(lambda tx: faults.listed(tx, ACME)) == []
    assert machine.see(lambda tx: journal.read(tx, ACME, "hub"))[-1].by == "mo"


def test_old_notices_are_dropped_and_alerts_sent_at_once(machine: Machine, office: Office, file: Path) -> None:
    office.store.write(_queue)
    machine.run("backup", str(file))
    office.store.close()
    restore(machine, file)
    machine.watch.time = datetime.now(UTC)
    states = machine.see(lambda tx: {row.kind: (row.state, row.due_at is not None and row.due_at <= tx.now) for row in
                                     tx.connection.execute(select(outbox_rows)) if row.message != "fault"})  # fmt: skip
    assert states == {
        ItemKind.ALERT: (ItemState.PENDING, True),
        ItemKind.INFORMATION: (ItemState.CANCELLED, False),
        ItemKind.DOWNLINK: (ItemState.CANCELLED, False),
    }


def _queue(tx: Tx) -> None:
    for kind in ItemKind:
        outbox.add(tx, ACME, NewItem(kind=kind, channel="email", message="alarm", recipient="account:sam"))
    outbox.lease(tx, "email", 10)


def test_an_alarm_that_is_replayed_pages_labelled_and_a_new_one_that_joins_takes_the_label_off(
    machine: Machine, office: Office, file: Path
) -> None:
    machine.run("backup", str(file))
    office.store.close()
    destroy(machine)
    machine.run("restore", str(file))
    machine.watch.time = datetime.now(UTC)
    with closing(machine.store()) as store:
        restored = Replaying(store, machine.watch)
        frame = restored.alarm.event(Cause.PANIC)
        restored.replay(frame, age_s=7200)
        (mail, *_) = [one.facts for one in restored.mail.taken if one.facts.message == "alarm"]
        assert (mail.after_restore, mail.age_s > 7000) == (Label.REPLAYED, True)
        assert "replayed after a restore" in restored.written(restored.the_incident().id)
        restored.hear(restored.alarm.event(Cause.PANIC))
        assert restored.mail.taken[-1].facts.after_restore is None


def test_a_word_of_a_gateway_alone_labels_nothing(machine: Machine, office: Office) -> None:
    there = Replaying(office.store, machine.watch)
    there.replay(there.alarm.event(Cause.PANIC), age_s=7200)
    assert {one.facts.after_restore for one in there.mail.taken} == {None}
