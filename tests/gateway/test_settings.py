from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.settings import GatewaySettings
from protocols.ids import Address
from tests.gateway.air import ADDRESS, KEY, OTHER
from tocsin.settings import SettingsError, load

if TYPE_CHECKING:
    from pathlib import Path

LEAST = 'organisation = "charity"\ngateway = "porch"\ndata_dir = "/var/lib/tocsin"\n'


def read(tmp_path: Path, text: str) -> GatewaySettings:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return load(GatewaySettings, path)


def with_key(tmp_path: Path, key: str, address: str = ADDRESS) -> str:
    (tmp_path / "key").write_text(key)
    return f'{LEAST}[[devices]]\naddress = "{address}"\nkey_file = "{tmp_path / "key"}"\n'


def test_three_lines_are_enough(tmp_path: Path) -> None:
    settings = read(tmp_path, LEAST)
    assert (settings.radio.mode, settings.radio.blind_after_s, settings.presence.every_s) == ("active", 60, 10)
    assert (settings.metrics.port, settings.keys()) == (None, {})


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_GATEWAY_MQTT__PORT", "1999")
    monkeypatch.setenv("TOCSIN_GATEWAY_RADIO__ADAPTER", "hci1")
    settings = read(tmp_path, LEAST + "[mqtt]\nport = 1884\n")
    assert (settings.mqtt.port, settings.radio.adapter) == (1999, "hci1")


def test_keys_come_from_files_of_their_own(tmp_path: Path) -> None:
    settings = read(tmp_path, with_key(tmp_path, KEY.hex() + "\n", ADDRESS.lower()))
    assert settings.keys() == {Address(ADDRESS): KEY}


@pytest.mark.parametrize(
    ("key", "complaint"),
    [("00" * 15, "holds 15 bytes"), ("zz" * 16, "is not hexadecimal"), ("", "is empty")],
)
def test_a_file_that_holds_no_key_is_explained(tmp_path: Path, key: str, complaint: str) -> None:
    settings = read(tmp_path, with_key(tmp_path, key))
    with pytest.raises(SettingsError, match=complaint):
        settings.keys()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (LEAST.replace("porch", "hub"), "'hub' is the hub's own id"),
        (LEAST.replace("porch", "The Porch"), "gateway: String should match pattern"),
        (LEAST.replace("charity", "a/b"), "organisation: String should match pattern"),
        (LEAST + "[radio]\nmode = 'loud'\n", "radio.mode"),
        (LEAST + "[radio]\nchannel = 37\n", "radio.channel: no such key"),
        (LEAST + "[[devices]]\naddress = 'AA'\nkey_file = 'k'\n", "not a Bluetooth address"),
        (LEAST + f"[[devices]]\naddress = '{OTHER}'\nkey_file = 'k'\n" * 2, f"listed twice: {OTHER}"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        read(tmp_path, text)
    assert complaint in str(wrong.value)


@pytest.mark.parametrize("text", [LEAST + "foo = 1\n", "no toml"])
def test_the_command_explains_wrong_settings_and_ends_with_1(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    done = CliRunner().invoke(app, ["run", "--config", str(path)])
    assert done.exit_code == 1
    assert str(path) in done.output
    assert "Traceback" not in done.output
