"""The real gateway with its Bluetooth adapter on the virtual radio, in the world's time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.adapter import hci_adapter
from simulator.bleak_backend import install
from simulator.shared_time import SharedTime

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.domain.moment import Moment
    from gateway.settings import GatewaySettings


def run(hci: str, config: Path, adapter: str = "hci0", *, clock: Path | None = None, step: Path | None = None) -> None:
    """Run the gateway until it ends.

    Args:
        hci: ``host:port`` of its controller.
        config: its settings file, as for ``tocsin gateway``.
        adapter: what bleak calls the adapter.
        clock: file of the world's time; None = the machine's own.
        step: file of how wrong its wall clock is; only with ``clock``.

    Raises:
        SettingsError: the settings can't be used.
    """
    from gateway.settings import GatewaySettings
    from tocsin.settings import load

    run_with(hci, load(GatewaySettings, config), adapter, clock=clock, step=step)


def run_with(
    hci: str, settings: GatewaySettings, adapter: str = "hci0", *, clock: Path | None = None, step: Path | None = None
) -> None:
    """The same with settings that are read already."""
    from gateway import app

    install({adapter: hci_adapter(hci)})
    if clock is None:
        app.run(settings)
        return
    shared = SharedTime(clock, step)
    app.run(settings, lambda: _moment(shared), shared.real_s)


def _moment(shared: SharedTime) -> Moment:
    """A clock that has been set wrong follows no time server."""
    from gateway.domain.moment import Moment

    return Moment(shared.now(), shared.ticks(), synchronised=shared.is_right)
