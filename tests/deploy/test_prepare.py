"""``tocsin hub prepare`` and ``healthy``, and the settings that came with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from hub import authority
from hub.cli import app
from hub.labels import fresh
from hub.settings import HubSettings
from protocols import labels
from simulator.world import World
from tests.services import free_port
from tocsin.settings import SettingsError, load

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORIES = ("tocsin-authority", "tocsin-hub", "tocsin-broker")


def _prepare(under: Path, host: str = "hub.example.org") -> str:
    done = CliRunner().invoke(app, ["prepare", "--host", host, "--under", str(under)])
    assert done.exit_code == 0, done.output
    return done.output


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_hub_and_broker_each_get_what_is_theirs_and_no_more(tmp_path: Path) -> None:
    _prepare(tmp_path)
    authority_, hub, broker = ({*_files(tmp_path / name)} for name in DIRECTORIES)
    assert "tls/authority.key" in authority_
    assert hub == {
        "tls/authority.pem",
        "tls/web.pem",
        "tls/web.key",
        "access/hub.password",
        "access/admin.password",
    }
    assert broker == {"tls/authority.pem", "tls/broker.pem", "tls/broker.key", "access/seed.json"}


def test_keys_and_passwords_are_for_their_owner_alone(tmp_path: Path) -> None:
    _prepare(tmp_path)
    secret = [path for path in tmp_path.rglob("*") if path.suffix in {".key", ".password", ".json"}]
    assert len(secret) == 11
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}


def test_it_says_what_is_new_and_what_is_to_be_restarted_and_nothing_else(tmp_path: Path) -> None:
    said = _prepare(tmp_path).splitlines()
    assert all(line.startswith(f"new: {tmp_path}") for line in said[:-1])
    assert said[-1] == "Restart, if it runs already: tocsin-broker, tocsin-hub."
    assert _prepare(tmp_path, "tocsin.example.org").splitlines()[-1] == said[-1]


def test_done_again_it_changes_nothing(tmp_path: Path) -> None:
    _prepare(tmp_path)
    before = _files(tmp_path)
    assert _prepare(tmp_path) == "Nothing to do.\n"
    assert _files(tmp_path) == before


def test_a_new_name_makes_new_certificates_of_the_same_authority(tmp_path: Path) -> None:
    _prepare(tmp_path)
    before = _files(tmp_path / "tocsin-hub")
    _prepare(tmp_path, "tocsin.example.org")
    after = _files(tmp_path / "tocsin-hub")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"tls/web.pem", "tls/web.key"}
    names = authority.names_of(authority.read(tmp_path / "tocsin-hub" / "tls" / "web.pem"))
    assert "tocsin.example.org" in names


def test_certificates_that_run_out_are_made_anew(tmp_path: Path) -> None:
    old = datetime.now(UTC) - authority.LEAF_LIFETIME + timedelta(days=10)
    authority.create(tmp_path / "tocsin-authority" / "tls", ["hub.example.org"], old)
    kept = (tmp_path / "tocsin-authority" / "tls" / "authority.pem").read_bytes()
    _prepare(tmp_path)
    assert authority.runs_out(tmp_path / "tocsin-broker" / "tls" / "broker.pem", datetime.now(UTC)) is None
    assert (tmp_path / "tocsin-broker" / "tls" / "authority.pem").read_bytes() == kept


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "tocsin-authority").write_text("a file, not a directory")
    done = CliRunner().invoke(app, ["prepare", "--host", "hub.example.org", "--under", str(tmp_path)])
    assert done.exit_code == 1
    assert "tocsin-authority" in done.output


def test_a_hub_that_does_not_answer_is_not_well(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(f"[web]\nport = {free_port()}\n")
    done = CliRunner().invoke(app, ["healthy", "--config", str(config)])
    assert done.exit_code == 1
    assert "no answer" in done.output


def test_the_databases_password_comes_from_its_file_whatever_letters_it_has(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/w:rd#\n")
    settings = HubSettings(
        database="postgresql+psycopg://tocsin@db/tocsin",
        database_password_file=tmp_path / "password",
        keys_file=tmp_path / "keys",
    )
    url = make_url(settings.database_url())
    assert (url.password, url.host, url.database) == ("p@ss/w:rd#", "db", "tocsin")


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    settings = HubSettings(database_password_file=tmp_path / "gone")
    with pytest.raises(SettingsError, match="gone"):
        settings.database_url()


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_HUB_EMAIL__HOST", "smtp.example.org")
    monkeypatch.setenv("TOCSIN_HUB_EMAIL__SENDER", "tocsin@example.org")
    monkeypatch.setenv("TOCSIN_HUB_EMAIL__USERNAME", "")
    email = load(HubSettings, None).email
    assert email is not None
    assert email.username is None


def test_a_simulated_alarm_may_be_one_with_a_label() -> None:
    [(address, key)] = fresh(1)
    world = World.model_validate(
        {
            "seed": 1,
            "places": [{"name": "hall", "at": [0, 0]}],
            "people": [{"name": "alice", "place": "hall", "label": labels.code(address, key)}],
        }
    )
    assert (world.make("alice").address, world.make("alice").key) == (address, key)
    assert world.make("bob").key != key
