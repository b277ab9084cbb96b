"""A restore that is killed at any step leaves no hub at work on half a database, and is simply run again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from hub.backup import archive, into_postgres, into_sqlite, postgres
from hub.backup.manifest import BackupError
from hub.store import credentials, incidents, schema
from protocols.events import Cause
from tests.hub.desk import ACME, Office
from tests.hub.test_backup import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.credentials import CredentialRecord

Name = tuple[Any, str]


class Killed(BaseException):
    """The power is gone."""


@pytest.fixture
def machine(database_url: str, tmp_path: Path) -> Iterator[Machine]:
    """Backed up with a gateway that was stolen since, and an alarm since."""
    machine = Machine(tmp_path, database_url)
    with closing(machine.store()) as store:
        office = Office(store, machine.watch)
        record: CredentialRecord = office.desk(lambda desk: credentials.add(desk.tx, ACME, "north", "s"))
        machine.run("backup", str(tmp_path / "night.tar"))
        office.desk(lambda desk: credentials.end(desk.tx, record, "stolen today"))
        office.hear(office.alarm.event(Cause.PANIC))
    return machine


def kill(patch: pytest.MonkeyPatch, what: Name, *, at_call: int, after: bool) -> None:
    """The power goes at the n-th call, before it does anything or when it is done."""
    real, calls = getattr(*what), []

    def killing(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == at_call and not after:
            raise Killed
        done = real(*arguments, **more)
        if len(calls) == at_call:
            raise Killed
        return done

    patch.setattr(*what, killing)


def killed(machine: Machine, what: Name, *, at_call: int, after: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, what, at_call=at_call, after=after)
        with pytest.raises(Killed):
            machine.run("restore", str(machine.folder / "night.tar"), "--replace")


def alarms(machine: Machine) -> int:
    return len(machine.see(lambda tx: incidents.listed(tx, ACME, only_live=False)))


def stays_out(machine: Machine) -> bool:
    """No hub starts, or it starts on a whole database, in which the stolen gateway is out."""
    with closing(machine.store()) as store:
        try:
            schema.prepare(store.engine, store.vault)
        except schema.UnfinishedRestoreError:
            return True
        return (
            store.read(credentials.live) == []
            and len(store.read(lambda tx: credentials.of_organisation(tx, ACME))) == 1
        )


SQLITE: list[tuple[Name, int]] = [
    ((archive, "extract"), 1),
    ((into_sqlite, "finish"), 1),
    ((archive, "sync"), 1),
    ((into_sqlite, "_link"), 1),
    *(((into_sqlite, "sync_folder"), number) for number in (1, 2, 3, 4, 5)),
]
POSTGRES: list[tuple[Name, int]] = [
    ((archive, "extract"), 1),
    ((into_postgres, "_make_room"), 1),
    ((postgres, "restore"), 1),
    ((into_postgres, "finish"), 1),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("step", "at_call"), SQLITE, ids=lambda value: value[1] if isinstance(value, tuple) else None)
def test_a_restore_into_sqlite_that_was_killed_is_run_again(
    machine: Machine, step: Name, at_call: int, after: bool
) -> None:
    _killed_and_run_again(machine, step, at_call=at_call, after=after)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("step", "at_call"), POSTGRES, ids=lambda value: value[1] if isinstance(value, tuple) else None
)
def test_a_restore_into_postgresql_that_was_killed_is_run_again(machine: Machine, step: Name, at_call: int) -> None:
    _killed_and_run_again(machine, step, at_call=at_call, after=True)


def _killed_and_run_again(machine: Machine, step: Name, *, at_call: int, after: bool) -> None:
    killed(machine, step, at_call=at_call, after=after)
    assert stays_out(machine)
    assert "stays revoked" in machine.run("restore", str(machine.folder / "night.tar"), "--replace")
    assert stays_out(machine)
    assert machine.see(credentials.live) == []
    assert alarms(machine) == 0


def test_what_was_there_can_be_gone_back_to(database_url: str, machine: Machine) -> None:
    if not machine.is_sqlite:
        pytest.skip("its tables are in a schema of their own")
    machine.run("restore", str(machine.folder / "night.tar"), "--replace")
    (aside,) = machine.folder.glob("hub.before-restore-*.db")
    assert alarms(Machine(machine.folder, f"sqlite:///{aside}")) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_without_its_tools_nothing_is_changed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise BackupError(name, "is not installed")

    monkeypatch.setattr("hub.cli.backup._check_before", lambda *_a, **_k: None)
    monkeypatch.setattr(postgres, "program", missing)
    assert "is not installed" in machine.run("restore", str(machine.folder / "night.tar"), "--replace", code=1)
    assert alarms(machine) == 1
    with closing(machine.store()) as store:
        schema.prepare(store.engine, store.vault)
