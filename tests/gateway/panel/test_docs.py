from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from typer.testing import CliRunner

from gateway import cli
from gateway.cli import SETTINGS_FILE
from gateway.settings import GatewaySettings, PanelSettings

if TYPE_CHECKING:
    import pytest

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final = (DOCS / "panel.md").read_text("utf-8")
PICTURE: Final = (DOCS / "pictures" / "panel.svg").read_text("utf-8")


def settings_on_the_page() -> PanelSettings:
    text = PAGE.partition("```toml")[2].partition("```")[0]
    return PanelSettings.model_validate(tomllib.loads(text.replace("# loop_pin", "loop_pin"))["panel"])


def test_the_settings_on_the_page_are_accepted_and_are_the_pins_in_the_picture() -> None:
    settings = settings_on_the_page()
    pins = {*settings.lamps.values(), settings.buzzer_pin, settings.button_pin, settings.loop_pin}
    assert {f"GPIO{pin}" for pin in pins} == set(re.findall(r"GPIO\d+", PICTURE.partition("</desc>")[2]))


def test_every_setting_is_on_the_page_with_its_default() -> None:
    for name, field in PanelSettings.model_fields.items():
        if name.endswith("_pin") or name == "enabled":
            continue
        row = next(line for line in PAGE.splitlines() if line.startswith("|") and f"`{name}`" in line)
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        assert f'`"{default}"`' in row or f"`{default}`" in row


def test_the_picture_fetches_nothing() -> None:
    assert "href" not in PICTURE
    assert "url(" not in PICTURE


def test_the_page_leads_through_the_installation_that_is_documented() -> None:
    drop_in = (DOCS.parent / "deploy" / "systemd" / "gateway-panel.conf").read_text("utf-8")
    assert str(SETTINGS_FILE) in PAGE
    assert "tools/install-locked /opt/tocsin gateway,panel" in PAGE
    assert "deploy/systemd/gateway-panel.conf /etc/systemd/system/tocsin-gateway.service.d/panel.conf" in PAGE
    assert "SupplementaryGroups=gpio" in drop_in
    assert "DeviceAllow=char-gpiochip rw" in drop_in
    assert "tocsin gateway panel test" in PAGE


def test_nothing_tells_anybody_to_fetch_tocsin_from_an_index() -> None:
    for page in [DOCS.parent / "README.md", *DOCS.rglob("*.md"), *(DOCS.parent / "gateway").rglob("*.py")]:
        assert not re.search(r"pip install\s+'?tocsin", page.read_text("utf-8")), page


def test_the_service_reads_the_file_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "gateway.toml"
    monkeypatch.setattr(cli, "SETTINGS_FILE", file)
    read: list[GatewaySettings] = []
    monkeypatch.setattr("gateway.app.run", read.append)
    for name, value in {"ORGANISATION": "acme", "GATEWAY": "hall", "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"TOCSIN_GATEWAY_{name}", value)
    assert CliRunner().invoke(cli.app, ["run"]).exit_code == 0
    file.write_text("[panel]\nenabled = true\nbutton_pin = 23\n")
    assert CliRunner().invoke(cli.app, ["run"]).exit_code == 0
    assert [settings.panel.enabled for settings in read] == [False, True]
