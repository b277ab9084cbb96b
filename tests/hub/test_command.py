from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("organisation", "acme", "Acme"), "there is an organisation acme already"),
        (("account", "sam", "Sam", "sam@acme.example"), "there is an account sam already"),
        (("worker", "alice", "Alice", "--phone", "01632 960001"), "there is a worker alice already"),
        (("place", "home-17", "Home"), "there is a place home-17 already"),
    ],
)
def test_the_same_thing_twice_is_refused_in_a_line_that_repeats_nobodys_number(
    shell: Shell, words: tuple[str, ...], said: str
) -> None:
    shell.set_up()
    assert shell.run("hub", *words, fails=True).strip() == said


def test_what_the_database_refuses_is_said_without_what_was_to_be_written(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise IntegrityError("INSERT INTO workers", {"phone": "01632 960001"}, ValueError("UNIQUE constraint failed"))

    shell.set_up()
    monkeypatch.setattr("hub.cases.enrolment.directory.add_worker", broken)
    said = shell.run("hub", "worker", "bob", "Bob", "--phone", "01632 960001", fails=True)
    assert said.strip() == "the database refused: UNIQUE constraint failed"


def test_a_supervisor_who_is_not_there_is_refused_and_those_who_are_are_named(shell: Shell) -> None:
    shell.set_up()
    said = shell.run("hub", "worker", "bob", "Bob", "--supervisor", "samm", fails=True)
    assert said.strip() == "there is no account samm to be the supervisor; accounts: sam"


@pytest.mark.parametrize(
    "words", [("worker", "Bob", "Bob"), ("place", "The Hall", "Hall"), ("organisation", "A_B", "x")]
)
def test_ids_are_of_one_kind_everywhere(shell: Shell, words: tuple[str, ...]) -> None:
    shell.set_up()
    assert "not an id (lower case letters, digits, hyphens, at most 40)" in shell.run("hub", *words, fails=True)


def test_what_was_added_is_said_in_a_line(shell: Shell) -> None:
    assert shell.run("hub", "organisation", "acme", "Acme") == "Organisation acme: Acme, Europe/London.\n"
    assert shell.run("hub", "worker", "alice", "Alice Archer") == "Worker alice: Alice Archer.\n"
    assert shell.run("hub", "place", "hall", "Hall", "--address", "1 Mill Lane") == "Place hall: Hall, 1 Mill Lane.\n"


def test_a_zone_that_is_none_is_refused(shell: Shell) -> None:
    assert "not a time zone" in shell.run("hub", "organisation", "acme", "Acme", "--zone", "Europe/Londn", fails=True)


def _add(shell: Shell, *words: str, fails: bool = False, typed: str = "") -> str:
    given = ["hub", "device", "add", *words, "--config", str(shell.config)]
    done = CliRunner().invoke(build(), given, input=typed)
    assert (done.exit_code != 0) == fails, done.output
    return done.output


def test_who_shall_wear_a_device_is_looked_up_before_its_code_is_asked_for(shell: Shell) -> None:
    shell.set_up()
    assert _add(shell, "--worker", "alise", fails=True) == "no worker alise\n"


def test_without_a_terminal_the_code_is_read_from_standard_input_without_a_warning(shell: Shell) -> None:
    shell.set_up()
    said = _add(shell, "C0:FF:EE:00:00:02", typed="101112131415161718191a1b1c1d1e1f\n")
    assert said == "Code or key, from standard input:\nC0:FF:EE:00:00:02\n"


def test_a_second_alarm_replaces_the_first_only_if_that_is_said(shell: Shell) -> None:
    shell.set_up()
    key = ("C0:FF:EE:00:00:02", "--worker", "alice")
    typed = "101112131415161718191a1b1c1d1e1f\n"
    assert "Alice Archer wears C0:FF:EE:00:00:01; replace it? Then with --replace" in _add(
        shell, *key, fails=True, typed=typed
    )
    assert "C0:FF:EE:00:00:02" not in shell.run("hub", "device", "list")
    _add(shell, *key, "--replace", typed=typed)
    assert "C0:FF:EE:00:00:02  alice" in shell.run("hub", "device", "list")
    assert "Then with --replace" in shell.run("hub", "device", "assign", "C0:FF:EE:00:00:01", "alice", fails=True)
    said = shell.run("hub", "device", "assign", "C0:FF:EE:00:00:01", "alice", "--replace")
    assert said == "C0:FF:EE:00:00:01 is worn by alice.\n"


def test_a_settings_file_is_checked_and_each_problem_named(shell: Shell) -> None:
    assert "a valid settings file of the hub" in shell.run("config", "check", "hub", str(shell.config))
    shell.config.write_text('databse = "x"\n[mqtt]\nport = "many"\n')
    said = shell.run("config", "check", "hub", str(shell.config), fails=True)
    assert "databse: no such key; did you mean database?" in said
    assert "mqtt.port: Input should be a valid integer" in said


def test_a_settings_file_that_is_not_there_is_named(shell: Shell) -> None:
    assert "can't be read" in shell.run("config", "check", "hub", str(shell.config) + ".missing", fails=True)


def test_the_environment_wins_over_the_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_HUB_MQTT__PORT", "not a port")
    assert "mqtt.port" in shell.run("config", "check", "hub", str(shell.config), fails=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[email]\nhost = "h"\nsender = "a"\nsendr = "b"\n', "email.sendr: no such key; did you mean sender?"),
        ('[[webhooks]]\nulr = "x"\n', "webhooks.0.ulr: no such key; did you mean url?"),
        ('zzzzzz = "x"\n', "zzzzzz: no such key\n"),
        ('[mqtt]\npassword_file = "/no/such"\n', "mqtt.password_file: /no/such can't be read: No such file"),
        ('[mqtt]\npassword_file = "/dev/null"\n', "mqtt.password_file: /dev/null is empty"),
        (
            '[web]\ntls_cert_file = "{file}"\ntls_key_file = "{file}"\n',
            "web.public_url: begins with http://, but with tls_cert_file the hub speaks https alone",
        ),
        ('[web]\ntls_cert_file = "{file}"\n', "web.tls_cert_file: certificate and tls_key_file belong together"),
        (
            '[web]\npublic_url = "https://hub.example.org:8443"\n',
            "web.public_url: https://hub.example.org:8443 is still",
        ),
        ('[email]\nhost = "smtp.example.org"\nsender = "a"\n', "email.host: smtp.example.org is still the template's"),
        ('[email]\nhost = "h"\nsender = "a"\nusername = "u"\n', "email.username: wants a password_file"),
    ],
)
def test_settings_that_can_t_work_are_not_called_valid(shell: Shell, text: str, said: str) -> None:
    shell.config.write_text(text.replace("{file}", str(shell.config)))
    assert said in shell.run("config", "check", "hub", str(shell.config), fails=True)
