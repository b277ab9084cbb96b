"""The real gateway with its Bluetooth adapter on the virtual radio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.adapter import hci_adapter
from simulator.bleak_backend import install

if TYPE_CHECKING:
    from pathlib import Path


def run(hci: str, config: Path, adapter: str = "hci0") -> None:
    """Run the gateway until it ends.

    Args:
        hci: ``host:port`` of its controller.
        config: its settings file, as for ``tocsin gateway``.
        adapter: what bleak calls the adapter.

    Raises:
        SettingsError: the settings can't be used.
    """
    from gateway import app
    from gateway.settings import GatewaySettings
    from tocsin.settings import load

    settings = load(GatewaySettings, config)
    install({adapter: hci_adapter(hci)})
    app.run(settings)
