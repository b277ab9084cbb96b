"""The real gateway with its Bluetooth adapter on the virtual radio."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.adapter import hci_adapter
from simulator.bleak_backend import install

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.domain.moment import Moment


def run(hci: str, config: Path, adapter: str = "hci0", *, clock_offset_s: int = 0) -> None:
    """Run the gateway until it ends.

    Args:
        hci: ``host:port`` of its controller.
        config: its settings file, as for ``tocsin gateway``.
        adapter: what bleak calls the adapter.
        clock_offset_s: how far its wall clock is ahead; negative = behind.

    Raises:
        SettingsError: the settings can't be used.
    """
    from gateway import app
    from gateway.clock import Clock
    from gateway.settings import GatewaySettings
    from tocsin.settings import load

    settings = load(GatewaySettings, config)
    install({adapter: hci_adapter(hci)})
    clock, offset = Clock(), timedelta(seconds=clock_offset_s)

    def wrong_clock() -> Moment:
        moment = clock()
        return replace(moment, wall=moment.wall + offset)

    app.run(settings, wrong_clock)
