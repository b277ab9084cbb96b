"""The shipped broker, as in production: TLS, dynamic security, its log. And a hub and gateways at it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hub import authority
from hub.broker import seed
from hub.cli.access import init
from hub.settings import HubSettings, WebSettings
from protocols.enrolment import client_id, mqtt_username
from tests.services import Process, free_port, program
from tocsin.mqtt import Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from typing import Any

    from protocols.enrolment import Credential

SHIPPED = Path(__file__).parents[3] / "deploy" / "mosquitto"


@dataclass(frozen=True)
class SecureBroker:
    """A Mosquitto of the shipped configuration; only its port is another.

    Attributes:
        folder: its working directory: ``tls``, ``access``, ``data``, ``log``.
    """

    folder: Path
    port: int
    process: Process

    @property
    def authority(self) -> Path:
        return self.folder / "tls" / "authority.pem"

    @property
    def log(self) -> Path:
        return self.folder / "log" / "mosquitto.log"

    def account(self, username: str, password_file: Path | None = None) -> MqttSettings:
        return MqttSettings(
            port=self.port, username=username, password_file=password_file, tls_ca_file=self.authority, keepalive_s=5
        )

    @property
    def hub(self) -> MqttSettings:
        return self.account(seed.HUB, self.folder / "access" / "hub.password")

    @property
    def admin(self) -> MqttSettings:
        return self.account(seed.ADMIN, self.folder / "access" / "admin.password")

    def settings(self, database: str, web_port: int = 8443, **more: Any) -> HubSettings:
        """Of a hub at this broker that serves https."""
        tls = self.folder / "tls"
        web = WebSettings(
            port=web_port,
            public_url=f"https://127.0.0.1:{web_port}",
            tls_cert_file=tls / "web.pem",
            tls_key_file=tls / "web.key",
            authority_file=self.authority,
        )
        keys = self.folder / "hub.keys"
        return HubSettings(
            database=database,
            keys_file=keys,
            mqtt=self.hub,
            mqtt_admin=self.admin,
            broker_log=self.log,
            web=web,
            **more,
        )

    def link(
        self, credential: Credential, organisation: str, gateway: str, connection: str = "alarm", **more: Any
    ) -> Connection:
        """A gateway's connection, as it should be; ``client_id`` and ``username`` can be told otherwise."""
        name = more.pop("username", mqtt_username(credential.username, connection))
        number = more.pop("client_id", client_id(organisation, gateway, connection))
        password = self.folder / f"{name}.{len(list(self.folder.iterdir()))}.password"
        password.write_text(more.pop("password", credential.secret))
        protocol = more.pop("protocol", "auto")
        settings = self.account(name, password).model_copy(update={"protocol": protocol})
        return Connection(settings, client_id=number, **more)


def secure_mosquitto(folder: Path, port: int | None = None) -> SecureBroker:
    """Everything made as an operator makes it; start ``process`` and it runs."""
    port = port or free_port()
    authority.create(folder / "tls", ["127.0.0.1"], datetime.now(UTC))
    init(folder / "access")
    conf = (SHIPPED / "mosquitto.conf").read_text().replace("listener 8883", f"listener {port} 127.0.0.1")
    if os.geteuid() == 0:
        conf += "user root\n"
    (folder / "mosquitto.conf").write_text(conf)
    shutil.copy(SHIPPED / "start.sh", folder / "start.sh")
    path = f"PATH={Path(program('mosquitto')).parent}:{os.environ['PATH']}"
    command = ["env", f"TOCSIN_BROKER_DIR={folder}", path, "sh", str(folder / "start.sh")]
    return SecureBroker(folder, port, Process(command, log=folder / "broker.out", port=port))
