"""Settings of the hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AnyHttpUrl, Field, IPvAnyNetwork, StringConstraints, model_validator
from pydantic_settings import SettingsConfigDict

from protocols.ids import NAME
from tocsin.settings import MqttSettings, ProgramSettings, Section, read_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}$")]


class WebSettings(Section):
    """Where the console listens, and how people reach it (links in e-mails begin with ``public_url``).

    ``tls_cert_file`` holds the whole chain. ``authority_file`` is the certificate that gateways pin; left out, they
    believe whom their operating system believes. ``trusted_proxies`` are addresses or networks of reverse proxies: of a
    request that comes from there, ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed, and of no other.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8080"
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    authority_file: Path | None = None
    metrics_token_file: Path | None = None
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()

    @property
    def is_secure(self) -> bool:
        return self.public_url.startswith("https://")

    def metrics_token(self) -> str | None:
        """By which whoever runs the hub reads ``/metrics``; without one nobody does."""
        return None if self.metrics_token_file is None else read_secret(self.metrics_token_file)


class EmailSettings(Section):
    """The SMTP server that takes our mail. ``security`` is ``starttls``, ``tls`` or ``none`` (loopback only)."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_file: Path | None = None
    sender: str
    timeout_s: float = Field(default=10, gt=0, le=20)

    def password(self) -> str | None:
        return None if self.password_file is None else read_secret(self.password_file)


class WebhookSettings(Section):
    """One place that is told of every alert of an organisation, signed as Standard Webhooks asks."""

    organisation: Name
    name: Name
    url: AnyHttpUrl
    secret_file: Path
    timeout_s: float = Field(default=10, gt=0, le=20)

    def secret(self) -> bytes:
        return read_secret(self.secret_file).encode()


class BrokerSettings(Section):
    """The embedded broker (``tocsin hub broker``): for one box and the demo, on loopback only."""

    port: int = Field(default=1883, ge=1, le=65535)


class GatewaySettings(Section):
    """Where gateways find the broker; they use TLS there if the hub does.

    Left out: at the host of ``web.public_url`` (without TLS at the hub's own ``mqtt.host``), at the hub's own port.
    """

    broker_host: str | None = None
    broker_port: int | None = Field(default=None, ge=1, le=65535)


class ReplicaSettings(Section):
    """Several hubs at one broker and one PostgreSQL, see docs/replicas.md.

    ``share``: each message from a gateway goes to one of them. ``in_flight``: messages that the broker may hand over
    before the first of them is recorded (MQTT 5); it is more than is kept of one gateway, so that none that floods
    the hub fills it.
    """

    share: bool = False
    in_flight: int = Field(default=4096, ge=256, le=65_535)


class HubSettings(ProgramSettings):
    """Everything the hub can be told. ``database`` is a SQLAlchemy URL for SQLite or PostgreSQL.

    ``database_password_file`` holds the password that belongs into that URL.
    ``keys_file`` holds the keys under which secrets in the database are sealed; left out, it stands beside a SQLite
    database as ``….keys``. It is made at the first start; without it a backup of the database is worth little, so keep
    a copy of it somewhere else.

    ``mqtt_admin`` is an account that may administer the broker's dynamic security: with it the hub keeps the access
    list. ``broker_log`` is the broker's log file, from which the hub learns what was refused there.
    """

    model_config = SettingsConfigDict(env_prefix="TOCSIN_HUB_")

    database: str = "sqlite:///tocsin-hub.db"
    database_password_file: Path | None = None
    keys_file: Path | None = None
    mqtt: MqttSettings = MqttSettings()
    mqtt_admin: MqttSettings | None = None
    broker_log: Path | None = None
    gateways: GatewaySettings = GatewaySettings()
    web: WebSettings = WebSettings()
    email: EmailSettings | None = None
    webhooks: tuple[WebhookSettings, ...] = ()
    broker: BrokerSettings = BrokerSettings()
    replicas: ReplicaSettings = ReplicaSettings()

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.keys_file is None and self._beside_database() is None:
            raise ValueError(
                "keys_file is missing: with PostgreSQL the keys of sealed secrets need a file of their own"
            )
        return self

    def contradictions(self) -> Iterator[str]:
        web, email = self.web, self.email
        if (web.tls_cert_file is None) != (web.tls_key_file is None):
            yield "web.tls_cert_file: certificate and tls_key_file belong together"
        if web.tls_cert_file is not None and not web.is_secure:
            yield "web.public_url: begins with http://, but with tls_cert_file the hub speaks https alone"
        if _is_of_the_template(urlsplit(web.public_url).hostname):
            yield f"web.public_url: {web.public_url} is still the template's: put this machine's name or address there"
        if email is not None and _is_of_the_template(email.host):
            yield f"email.host: {email.host} is still the template's: put your mail server there"
        if email is not None and email.username is not None and email.password_file is None:
            yield "email.username: wants a password_file; a mail server that needs no password gets neither"
        if self.replicas.share and self._beside_database() is not None:
            yield "replicas.share: several hubs need a PostgreSQL; SQLite is for one"
        if self.replicas.share and "broker" in self.model_fields_set:
            yield (
                "replicas.share: the embedded broker has no shared subscriptions, so no alarm would come in; "
                "take Mosquitto or a cluster, and leave [broker] out"
            )

    def database_url(self) -> str:
        """``database`` with its password.

        Raises:
            SettingsError: the password can't be read.
        """
        if self.database_password_file is None:
            return self.database
        from sqlalchemy.engine import make_url

        url = make_url(self.database).set(password=read_secret(self.database_password_file))
        return url.render_as_string(hide_password=False)

    @model_validator(mode="after")
    def _has_an_account_for_administration(self) -> Self:
        admin = self.mqtt_admin
        if admin is not None and (admin.username is None or admin.password_file is None):
            raise ValueError("mqtt_admin needs username and password_file")
        if admin is not None and admin.username == self.mqtt.username:
            raise ValueError("mqtt_admin needs another account than mqtt: the hub looks after the rights of that one")
        return self

    @property
    def keys_path(self) -> Path:
        """Where the keys are."""
        return self.keys_file or self._beside_database() or Path("tocsin-hub.keys")

    def _beside_database(self) -> Path | None:
        scheme, _, path = self.database.partition(":///")
        return Path(path).with_suffix(".keys") if scheme == "sqlite" else None


def _is_of_the_template(host: str | None) -> bool:
    """Names that nobody has (RFC 2606)."""
    return re.search(r"(^|\.)example(\.(com|net|org))?$", host or "") is not None
