"""What there is to look at on a hub's machine, each thing by itself. Nothing is changed, nothing secret is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tocsin.doctor import Check

CONFIG: Final = Path("/etc/tocsin/hub.toml")


def checks(config: Path | None) -> list[Check]:
    """Everything that these settings ask for; without a file named, those where they usually are.

    Raises:
        SettingsError: the settings themselves are wrong, or nothing is set up.
    """
    from hub.doctor.everything import all_checks
    from hub.settings import HubSettings
    from tocsin.settings import SettingsError, load

    found = config or (CONFIG if CONFIG.exists() else None)
    if found is None and not any(name.startswith("TOCSIN_HUB_") for name in os.environ):
        looked = f"looked at {CONFIG}, --config and TOCSIN_HUB_CONFIG; is this the hub's machine?"
        raise SettingsError("no settings file", [looked])
    return all_checks(load(HubSettings, found))


def is_set_up() -> bool:
    """Whether this machine has a hub, with settings where they usually are."""
    return CONFIG.exists()
