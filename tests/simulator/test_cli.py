from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from simulator.cli import app
from simulator.site_file import FILE, Ports

if TYPE_CHECKING:
    from pathlib import Path

WORLD = """
seed = 3
places = [{ name = "desk", at = [0, 0] }]
people = [{ name = "alice", place = "desk" }]
"""


def test_devices_prints_what_is_needed_to_enrol_them(tmp_path: Path) -> None:
    file = tmp_path / "world.toml"
    file.write_text(WORLD)
    printed = CliRunner().invoke(app, ["devices", str(file)])
    name, address, key = printed.output.strip().split("\t")
    assert name == "alice"
    assert len(address.split(":")) == 6
    assert len(bytes.fromhex(key)) == 16


def test_a_wrong_world_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "world.toml"
    file.write_text(WORLD.replace("seed", "sede"))
    refused = CliRunner().invoke(app, ["site", str(file), "--state", str(tmp_path)])
    assert refused.exit_code == 1
    assert "sede: Extra inputs are not permitted" in refused.output


def test_without_a_site_a_press_says_what_to_start(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["press", "alice", "--state", str(tmp_path)])
    assert refused.exit_code == 1
    assert "start one with 'tocsin simulate site'" in refused.output


def test_a_site_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    ports = Ports(api="http://127.0.0.1:9", smtp_port=9, hci={}, clock="time")
    (tmp_path / FILE).write_text(json.dumps(ports.model_dump()))
    refused = CliRunner().invoke(app, ["people", "--state", str(tmp_path)])
    assert refused.exit_code == 1
    assert "does not answer" in refused.output
