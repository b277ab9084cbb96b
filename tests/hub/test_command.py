from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from hub.store import vault
from hub.store.store import Store, open_engine
from hub.store.tables import journal
from tocsin.cli import build

if TYPE_CHECKING:
    from pathlib import Path


class Shell:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.config = folder / "hub.toml"
        self.config.write_text(f'database = "sqlite:///{folder / "hub.db"}"\n')
        (folder / "alarm.key").write_text("000102030405060708090a0b0c0d0e0f\n")

    def run(self, *words: str, fails: bool = False) -> str:
        result = CliRunner().invoke(
            build(), [*words, *(["--config", str(self.config)] if words[0] != "config" else [])]
        )
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    def set_up(self) -> str:
        self.run("hub", "organisation", "acme", "Acme Outreach")
        said = self.run("hub", "account", "sam", "Sam", "sam@acme.example")
        self.run("hub", "worker", "alice", "Alice Archer", "--supervisor", "sam")
        self.run("hub", "place", "home-17", "Home 17", "--latitude", "51.5", "--longitude", "-0.1")
        key = str(self._folder / "alarm.key")
        self.run("hub", "device", "add", "C0:FF:EE:00:00:01", "--key-file", key, "--worker", "alice")
        return said

    def tamper(self) -> None:
        store = Store(open_engine(f"sqlite:///{self._folder / 'hub.db'}"), vault.read(self._folder / "hub.keys"))
        store.write(lambda tx: tx.connection.execute(update(journal).values(action="ended")))
        store.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_an_organisation_is_set_up_and_a_session_logged_and_ended_from_the_command_line(shell: Shell) -> None:
    assert "Password of sam, shown once" in shell.set_up()
    number = shell.run("hub", "session", "log", "alice", "home-17", "60", "--risk", "high").strip()
    assert f"{number}  active   high    alice at home-17" in shell.run("hub", "session", "list")
    shell.run("hub", "session", "end", number)
    assert shell.run("hub", "session", "list") == ""
    assert "The journal is whole: 9 entries." in shell.run("journal", "verify")
    assert "ended by cli" in shell.run("journal", "show", number)


def test_a_journal_that_was_changed_fails_verification_and_is_named(shell: Shell) -> None:
    shell.set_up()
    number = shell.run("hub", "session", "log", "alice", "home-17", "60").strip()
    shell.tamper()
    assert f"acme {number} entry 1: was changed" in shell.run("journal", "verify", fails=True)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("hub", "worker", "bob", "Bob"), "there is no organisation yet"),
        (("hub", "organisation", "No Good", "x"), "not an id"),
        (("hub", "session", "log", "alice", "home-17", "60"), "there is no organisation yet"),
    ],
)
def test_a_mistake_is_answered_in_one_line(shell: Shell, words: tuple[str, ...], reason: str) -> None:
    said = shell.run(*words, fails=True)
    assert reason in said
    assert "Traceback" not in said


def test_an_unknown_worker_and_a_session_that_ends_before_it_starts_are_refused(shell: Shell) -> None:
    shell.set_up()
    assert "no worker nobody" in shell.run("hub", "session", "log", "nobody", "home-17", "60", fails=True)
    assert "can't end at" in shell.run("hub", "session", "log", "alice", "home-17", "0", fails=True)


def test_the_same_thing_twice_is_refused_without_a_trace(shell: Shell) -> None:
    shell.set_up()
    said = shell.run("hub", "worker", "alice", "Alice Again", fails=True)
    assert "alice" in said
    assert "Traceback" not in said


def test_a_settings_file_is_checked_and_each_problem_named(shell: Shell) -> None:
    assert "a valid settings file of the hub" in shell.run("config", "check", "hub", str(shell.config))
    shell.config.write_text('databse = "x"\n[mqtt]\nport = "many"\n')
    said = shell.run("config", "check", "hub", str(shell.config), fails=True)
    assert "databse: Extra inputs are not permitted" in said
    assert "mqtt.port: Input should be a valid integer" in said


def test_a_settings_file_that_is_not_there_is_named(shell: Shell) -> None:
    assert "can't be read" in shell.run("config", "check", "hub", str(shell.config) + ".missing", fails=True)


def test_the_environment_wins_over_the_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_HUB_MQTT__PORT", "not a port")
    assert "mqtt.port" in shell.run("config", "check", "hub", str(shell.config), fails=True)
