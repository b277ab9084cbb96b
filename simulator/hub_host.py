"""The real hub in the world's time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from simulator.shared_time import SharedTime

if TYPE_CHECKING:
    from pathlib import Path

    from hub.app import Hub

LOOK_S: Final = 1.0
"""Virtual seconds that a due deadline lies unseen at most, as far as the machine is fast enough."""
_SOONEST_S: Final = 0.02


def run(config: Path, clock: Path) -> None:
    """Run the hub until it ends.

    Args:
        config: its settings file, as for ``tocsin hub``.
        clock: file of the world's time.

    Raises:
        SettingsError: the settings can't be used.
    """
    from hub import app
    from hub.settings import HubSettings
    from tocsin.log import configure
    from tocsin.settings import load

    settings = load(HubSettings, config)
    configure(settings.log)
    shared = SharedTime(clock)
    app.run(settings, shared, started=lambda hub: _hurry(hub, shared))


def _hurry(hub: Hub, shared: SharedTime) -> None:
    """The hub looks for what is due every quarter of a second: too seldom when seconds are short."""
    threading.Thread(target=_wake, args=(hub, shared), name="hurry", daemon=True).start()


def _wake(hub: Hub, shared: SharedTime) -> None:
    while True:
        time.sleep(max(_SOONEST_S, shared.real_s(LOOK_S)))
        if shared.rate > 1:
            hub.wake()
