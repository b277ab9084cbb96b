"""The operator's commands: certificates, the broker's beginnings, codes, revocation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hub import authority
from hub.broker import seed
from hub.cli import app
from hub.settings import HubSettings
from protocols import codes
from tocsin.settings import SettingsError, load

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tocsin(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def done(*words: str) -> str:
    result = tocsin(*words)
    assert result.exit_code == 0, result.output
    return result.output


def test_certificates_are_made_shown_and_renewed(folder: Path) -> None:
    made = done("tls", "init", "--host", "hub.example", "--host", "192.0.2.1")
    assert "hub.example, 192.0.2.1" in made
    mark = codes.fingerprint(authority.read(folder / "tls" / "authority.pem").public_bytes(authority.Encoding.DER))
    assert f"in codes {codes.Code('', mark)}" in done("tls", "show")
    before = (folder / "tls" / "web.pem").read_bytes()
    done("tls", "init", "--host", "other.example", "--if-missing")
    assert (folder / "tls" / "web.pem").read_bytes() == before
    done("tls", "renew")
    assert (folder / "tls" / "web.pem").read_bytes() != before
    assert tocsin("tls", "init", "--host", "hub.example").exit_code == 1


def test_what_the_broker_begins_with_tells_no_password(folder: Path) -> None:
    done("access", "init")
    access = folder / "access"
    password = (access / "admin.password").read_text().strip()
    document = json.loads((access / "seed.json").read_text())
    assert [client["username"] for client in document["clients"]] == [seed.ADMIN]
    assert not any(document["defaultACLAccess"][kind] for kind in ("publishClientSend", "subscribe"))
    assert password not in (access / "seed.json").read_text()
    assert {path.stat().st_mode & 0o777 for path in access.iterdir()} == {0o600}
    assert tocsin("access", "init").exit_code == 1
    done("access", "init", "--if-missing")
    assert (access / "admin.password").read_text().strip() == password


def test_beginnings_that_were_cut_short_are_made_again(folder: Path) -> None:
    done("access", "init")
    (folder / "access" / "seed.json").unlink()
    done("access", "init", "--if-missing")
    assert (folder / "access" / "seed.json").exists()


def test_a_gateway_is_invited_listed_and_revoked(folder: Path) -> None:
    done("tls", "init", "--host", "hub.example")
    (folder / "hub.toml").write_text(
        '[web]\npublic_url = "https://hub.example:8443/"\nauthority_file = "tls/authority.pem"\n'
    )
    done("organisation", "acme", "Acme", "--config", "hub.toml")
    line = done("gateway", "code", "north", "--config", "hub.toml", "--minutes", "5").splitlines()[0]
    assert line.startswith("tocsin gateway enroll https://hub.example:8443 --code ")
    code = codes.read(line.split()[-1])
    assert code.names(authority.read(folder / "tls" / "authority.pem").public_bytes(authority.Encoding.DER))
    assert "code made" in done("gateway", "list", "--config", "hub.toml")
    done("gateway", "revoke", "north", "--why", "typed wrong", "--config", "hub.toml")
    assert "north" not in done("gateway", "list", "--config", "hub.toml")
    assert tocsin("gateway", "revoke", "north", "--why", "x", "--config", "hub.toml").exit_code == 1
    assert tocsin("gateway", "rotate", "north", "--config", "hub.toml").exit_code == 1
    assert tocsin("gateway", "code", "hub", "--config", "hub.toml").exit_code == 1


@pytest.mark.parametrize(
    "admin", ['username = "a"', 'password_file = "p"', 'username = "tocsin-hub"\npassword_file = "p"']
)
def test_an_account_for_administration_is_whole_and_another_than_the_hubs(folder: Path, admin: str) -> None:
    (folder / "hub.toml").write_text(f'[mqtt]\nusername = "tocsin-hub"\n[mqtt_admin]\n{admin}\n')
    with pytest.raises(SettingsError, match="mqtt_admin needs"):
        load(HubSettings, folder / "hub.toml")
