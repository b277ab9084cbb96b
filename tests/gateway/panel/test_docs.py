from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from gateway.settings import PanelSettings

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
