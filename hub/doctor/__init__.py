"""What there is to look at on a hub's machine, each thing by itself. Nothing is changed, nothing secret is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tocsin.doctor import Check

CONFIG: Final = Path("/etc/tocsin/hub.toml")


def checks(config: Path | None) -> list[Check]:
    """Everything that these settings ask for.

    Raises:
        SettingsError: the settings themselves are wrong.
    """
    from hub.doctor.everything import all_checks
    from hub.settings import HubSettings
    from tocsin.settings import load

    return all_checks(load(HubSettings, config))


def is_set_up() -> bool:
    """Whether this machine has a hub, with settings where they usually are."""
    return CONFIG.exists()
