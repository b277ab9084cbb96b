from __future__ import annotations

import base64
import email
import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pytest
from aiosmtpd.controller import Controller

from hub.channels import wording
from hub.channels.email import SmtpChannel
from hub.channels.port import ChannelError, Facts, Outgoing
from hub.channels.webhook import WebhookChannel
from hub.settings import EmailSettings, WebhookSettings
from tests.services import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

NOW = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)


def _facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "message": "alarm",
        "audience": "supervisor",
        "what": "panic",
        "who": "Alice Archer",
        "observed_at": NOW,
        "opened_at": NOW,
        "age_s": 3,
        "zone": "Europe/London",
        "link": "https://hub.example/incidents/1",
        "phase": "open",
    }
    return Facts(**(known | changes))


def _outgoing(target: str = "sam@acme.example", **changes: Any) -> Outgoing:
    return Outgoing("row1", "acme", target, "inc1", _facts(**changes))


class SmtpServer:
    """A real SMTP server that refuses whom it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 taken"
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return self.answer

    def __enter__(self) -> Self:
        self._controller.start()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()  # type: ignore[no-untyped-call]

    def channel(self) -> SmtpChannel:
        sender = "Tocsin <alarm@acme.example>"
        return SmtpChannel(EmailSettings(host="127.0.0.1", port=self.port, security="none", sender=sender))


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def test_a_mail_says_what_who_when_and_where_to_go(smtp: SmtpServer) -> None:
    smtp.channel().send(_outgoing())
    (mail,) = smtp.mails
    assert mail["Subject"] == "ALARM: panic: Alice Archer"
    assert mail["To"] == "sam@acme.example"
    assert "https://hub.example/incidents/1" in mail.get_content()
    assert "Reading this mail tells nobody that you have it" in mail.get_content()


def test_a_repeat_of_a_mail_has_the_same_message_id(smtp: SmtpServer) -> None:
    smtp.channel().send(_outgoing())
    smtp.channel().send(_outgoing())
    assert smtp.mails[0]["Message-ID"] == smtp.mails[1]["Message-ID"] == "<row1@acme.example>"


def test_a_name_with_a_line_break_makes_no_header(smtp: SmtpServer) -> None:
    smtp.channel().send(_outgoing(who="Eve\r\nBcc: all@acme.example"))
    (mail,) = smtp.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "ALARM: panic: Eve Bcc: all@acme.example"


def test_an_address_that_does_not_exist_is_a_permanent_failure(smtp: SmtpServer) -> None:
    with pytest.raises(ChannelError) as caught:
        smtp.channel().send(_outgoing("nobody@acme.example"))
    assert caught.value.permanent
    assert caught.value.detail == "550 5.1.1 no such user"


def test_a_server_that_is_busy_is_tried_again(smtp: SmtpServer) -> None:
    smtp.answer = "451 try later"
    with pytest.raises(ChannelError) as caught:
        smtp.channel().send(_outgoing())
    assert not caught.value.permanent


def test_a_server_that_is_not_there_is_tried_again() -> None:
    settings = EmailSettings(host="127.0.0.1", port=free_port(), security="none", sender="a@b.example")
    with pytest.raises(ChannelError) as caught:
        SmtpChannel(settings).send(_outgoing())
    assert not caught.value.permanent


def test_a_server_without_starttls_gets_nothing_when_starttls_is_wanted(smtp: SmtpServer) -> None:
    settings = EmailSettings(host="127.0.0.1", port=smtp.port, security="starttls", sender="a@b.example")
    with pytest.raises(ChannelError, match="STARTTLS"):
        SmtpChannel(settings).send(_outgoing())
    assert smtp.mails == []


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({}, "ALARM: panic: Alice Archer"),
        ({"age_s": 7300}, "ALARM: panic: Alice Archer (happened 2 h 1 min ago)"),
        ({"message": "duress"}, "ALARM, UNDER DURESS: panic: Alice Archer"),
        ({"audience": "call_sheet", "round": 2}, "ALARM, NOBODY HAS TAKEN IT (round 3): panic: Alice Archer"),
        ({"message": "fault", "what": "gateway silent: north", "who": None}, "Fault: gateway silent: north"),
        ({"who": None}, "ALARM: panic"),
    ],
)
def test_the_subject_says_how_bad_it_is(changes: dict[str, Any], subject: str) -> None:
    assert wording.subject(_facts(**changes)) == subject


def test_times_are_shown_in_the_zone_of_the_organisation_across_the_clock_change() -> None:
    assert "00:59:00 GMT" in wording.body(_facts())
    after = datetime(2026, 3, 29, 1, 1, tzinfo=UTC)
    assert "02:01:00 BST" in wording.body(_facts(observed_at=after))


def test_duress_and_a_discreet_call_forbid_the_phone() -> None:
    assert "Do not call their phone" in wording.body(_facts(duress=True))
    assert "Do not call their phone" in wording.body(_facts(discreet=True))
    assert "Do not call their phone" not in wording.body(_facts())


class Receiver(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[ThreadingHTTPServer]:
    Receiver.got.clear()
    Receiver.status = 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def webhook(receiver: ThreadingHTTPServer, tmp_path: Path) -> WebhookChannel:
    (tmp_path / "secret").write_text("s3cret\n")
    settings = WebhookSettings(
        organisation="acme",
        name="desk",
        url=f"http://127.0.0.1:{receiver.server_port}/hook",  # type: ignore[arg-type]
        secret_file=tmp_path / "secret",
    )
    return WebhookChannel({("acme", "desk"): settings}, clock=lambda: NOW)


def test_a_webhook_is_signed_as_standard_webhooks_asks(webhook: WebhookChannel) -> None:
    """Standard Webhooks, "Signature scheme": HMAC-SHA256 over ``id.timestamp.payload``, base64, prefix ``v1,``."""
    webhook.send(_outgoing("desk"))
    ((headers, body),) = Receiver.got
    timestamp = str(int(NOW.timestamp()))
    signed = b".".join((b"row1", timestamp.encode(), body))
    expected = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-id"] == "row1"
    assert headers["webhook-timestamp"] == timestamp
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert json.loads(body)["data"]["what"] == "panic"


@pytest.mark.parametrize(("status", "permanent"), [(500, False), (429, False), (302, False), (404, True), (410, True)])
def test_what_is_not_taken_is_tried_again_unless_it_never_can_be(
    webhook: WebhookChannel, status: int, permanent: bool
) -> None:
    Receiver.status = status
    with pytest.raises(ChannelError) as caught:
        webhook.send(_outgoing("desk"))
    assert caught.value.permanent == permanent


def test_a_webhook_that_is_no_longer_configured_is_a_permanent_failure(webhook: WebhookChannel) -> None:
    with pytest.raises(ChannelError, match="no webhook other"):
        webhook.send(_outgoing("other"))
