"""What there is to look at on a gateway's machine, each thing by itself. Nothing is changed, nothing secret is said.

A running gateway has its radio and its outbox to itself: then they are looked at through its own figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from tocsin.doctor import Check

CONFIG: Final = Path("/etc/tocsin/gateway.toml")


def checks(config: Path | None, data_dir: Path | None = None) -> list[Check]:
    """Everything there is.

    Raises:
        SettingsError: the settings themselves are wrong, or there are none.
    """
    from gateway.doctor.everything import all_checks
    from gateway.settings import GatewaySettings
    from tocsin.settings import load

    return all_checks(load(GatewaySettings, config, **({} if data_dir is None else {"data_dir": data_dir})))


def is_set_up() -> bool:
    """Whether this machine is a gateway: enrolled, or with settings where they usually are."""
    from gateway.settings import Place
    from tocsin.settings import load

    try:
        return CONFIG.exists() or (load(Place, None).data_dir / "identity.json").exists()
    except (SettingsError, OSError):
        return True
