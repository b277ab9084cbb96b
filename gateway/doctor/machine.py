"""The machine that is looked at: settings, enrolment, and the figures of the gateway that runs on it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from gateway.enrolment import broker
from gateway.enrolment.files import Files

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.enrolment.files import Identity
    from gateway.settings import GatewaySettings
    from tocsin.settings import MqttSettings

NO_FIGURES: Final = "the gateway runs, but does not show its figures here"
SHOW_FIGURES: Final = "write 'port = 9101' under [metrics] in its settings and restart it; the hub knows meanwhile"
_PREFIX: Final = "tocsin_gateway_"
_PATIENCE_S: Final = 5.0
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at.

    Attributes:
        identity: None = not enrolled, its settings say all.
        mqtt: as the alarm connection signs in.
    """

    settings: GatewaySettings
    files: Files
    identity: Identity | None
    mqtt: MqttSettings

    @property
    def outbox(self) -> Path:
        return self.settings.data_dir / "outbox.db"

    def runs(self) -> bool:
        """Whether a gateway has the outbox to itself."""
        if not self.outbox.exists():
            return False
        try:
            with closing(open_outbox(self.outbox)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as busy:
            return busy.sqlite_errorcode & 0xFF in _BUSY
        return False

    def figures(self) -> dict[str, float] | None:
        """Of the running gateway, by name; None when it shows none.

        Raises:
            httpx.HTTPError: it should, and does not.
        """
        port = self.settings.metrics.port
        if not port:
            return None
        shown = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=_PATIENCE_S).raise_for_status().text
        samples = [sample for family in text_string_to_metric_families(shown) for sample in family.samples]
        return {sample.name.removeprefix(_PREFIX): sample.value for sample in samples if not sample.labels}


def open_outbox(path: Path) -> sqlite3.Connection:
    """To look only."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)


def machine_of(settings: GatewaySettings) -> Machine:
    """What these settings, and the enrolment they point to, say.

    Raises:
        FileError: the enrolment is damaged.
    """
    files = Files(settings.data_dir)
    identity = files.identity()
    if identity is None:
        return Machine(settings, files, None, settings.mqtt)
    mqtt = broker.mqtt(identity, files, "alarm", credential=identity.credential, base=settings.mqtt)
    return Machine(settings, files, identity, mqtt)
