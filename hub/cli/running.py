"""``tocsin hub run`` and ``tocsin hub broker``."""

from __future__ import annotations

from hub.cli.common import Config, fail, settings
from tocsin import log


def run(config: Config = None) -> None:
    """Run the hub: ingest, deadlines, notifications, console."""
    from hub.app import run as serve
    from hub.store.schema import SchemaError
    from hub.store.store import StoreUnavailableError
    from hub.store.vault import SealedError

    loaded = settings(config)
    log.configure(loaded.log)
    try:
        serve(loaded)
    except (StoreUnavailableError, SchemaError, SealedError) as wrong:
        raise fail(str(wrong)) from wrong


def broker(config: Config = None) -> None:
    """Run the embedded MQTT broker, on loopback only: for one box and for trying things out."""
    from hub.broker import embedded

    loaded = settings(config)
    log.configure(loaded.log)
    embedded.run(loaded.broker.port)
