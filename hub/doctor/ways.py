"""The ways in and out: the hub itself, the broker, e-mail, webhooks."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import httpx

from hub.channels.email.smtp import SmtpChannel
from hub.doctor.health import ask
from hub.store import vault
from hub.store.vault import new_key
from protocols.mqtt import topics
from protocols.mqtt.envelope import GatewayState, StatusEnvelope
from protocols.mqtt.topics import Channel
from tocsin.doctor import Finding, fail, ok, warn, words
from tocsin.mqtt import Connection
from tocsin.settings import read_secret

if TYPE_CHECKING:
    from hub.settings import EmailSettings, HubSettings, WebhookSettings
    from tocsin.mqtt import Received

_PATIENCE_S: Final = 8.0
_WORD_S: Final = 3.0
"""A retained word comes at once."""


def answers(settings: HubSettings) -> Finding:
    answer = ask(settings.web)
    if answer.is_success:
        return ok("answers, all its loops run")
    troubles = answer.json().get("troubles", []) if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else []
    return fail("; ".join(troubles) or f"answers {answer.status_code}", "journalctl -u tocsin-hub says more")


def broker(settings: HubSettings) -> Finding:
    """Signs in as the hub does, and waits for the hub's own word to come back from the broker."""
    said: list[Received] = []
    heard = threading.Event()

    def note(message: Received) -> None:
        if message.topic.endswith(f"/{topics.HUB}/{Channel.STATUS}"):
            said.append(message)
            heard.set()

    name = f"hub.doctor.{vault.key_id(new_key()).hex()}"
    link = Connection(
        settings.mqtt, client_id=name, subscriptions=[topics.from_gateways(Channel.STATUS)], on_message=note
    )
    link.start()
    try:
        if not link.wait_connected(_PATIENCE_S):
            return fail(f"{_where(settings)}: {_why(link)}", "see whether Mosquitto runs, and mqtt.* in the settings")
        heard.wait(_WORD_S)
    finally:
        link.stop()
    return _came_back(_where(settings), said)


def _where(settings: HubSettings) -> str:
    return f"{settings.mqtt.host}:{settings.mqtt.port}{' with TLS' if settings.mqtt.is_secure else ''}"


def _why(link: Connection) -> str:
    return ", ".join(link.failures) or "no connection"


def _came_back(where: str, said: list[Received]) -> Finding:
    if not said:
        advice = "start the hub; is an organisation set up? May the hub's account subscribe?"
        return warn(f"{where} lets us in, but no word of the hub comes back", advice)
    online = any(StatusEnvelope.from_json(each.payload).data.state is GatewayState.ONLINE for each in said)
    if not online:
        return warn(f"{where} says that the hub is offline", "start the hub, or see why it can't record")
    return ok(f"{where}: the hub's word comes back")


def email(settings: EmailSettings) -> Finding:
    """As far as signing in; nothing is sent."""
    path = settings.password_file
    if path is not None and path.exists() and not path.read_text("utf-8").strip():
        advice = "write the mail account's password into it; if your mail server wants none, leave out password_file"
        return fail(f"email.password_file: {path} is empty", f"{advice} and username")
    with SmtpChannel(settings).signed_in() as server:
        code, _ = server.noop()
    return ok(f"{settings.host}:{settings.port} lets us in ({code}), {settings.security}")


def webhook(settings: WebhookSettings) -> Finding:
    """As far as a connection; nothing is posted."""
    read_secret(settings.secret_file)
    url = settings.url
    host, port = str(url.host), int(url.port or 443)
    with socket.create_connection((host, port), timeout=_PATIENCE_S) as plain:
        if url.scheme == "https":
            with ssl.create_default_context().wrap_socket(plain, server_hostname=host):
                return ok(f"{host}:{port} is reached, with a certificate that holds")
    return warn(f"{host}:{port} is reached without TLS", "use https")


def send_test(settings: HubSettings, to: str) -> Finding:
    """A mail that says that it is a test.

    Raises:
        SettingsError: the password can't be read.
    """
    if settings.email is None:
        return fail("e-mail is not set up", "fill in [email] in the settings")
    message = f"From: {settings.email.sender}\r\nTo: {to}\r\nSubject: Tocsin: a test, nothing has happened\r\n\r\n"
    body = f"Sent by 'tocsin hub doctor' at {datetime.now(UTC):%Y-%m-%d %H:%M:%S %Z}. Alarms come the same way.\r\n"
    try:
        with SmtpChannel(settings.email).signed_in() as server:
            server.sendmail(settings.email.sender, [to], message + body)
    except (OSError, smtplib.SMTPException) as failure:
        return fail(f"{settings.email.host}: {words(failure)}", "see [email] in the settings")
    return ok(f"{settings.email.host} took a test mail for {to}: see whether it arrives, and not among the junk")
