"""A real SMTP server that keeps what it gets, for people and tests to read."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections import deque
from typing import TYPE_CHECKING, Final

import structlog
from aiosmtpd.smtp import SMTP
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from email.message import EmailMessage
    from typing import Any

log = structlog.get_logger()

KEPT: Final = 10_000
"""Mails; the oldest go first."""


class Mail(BaseModel):
    """One mail as it was handed over.

    Attributes:
        number: 1, 2, 3 … in the order of arrival.
        at: when it was accepted.
        sender: of the envelope.
        recipients: of the envelope.
        text: the plain text, or the HTML of a mail that has none.
        headers: as they came, by lower-case name; the last of each.
    """

    number: int
    at: str
    sender: str
    recipients: list[str]
    subject: str
    text: str
    headers: dict[str, str]


class Mailbox:
    """Everybody's mailbox.

    Args:
        now: the time.

    Attributes:
        refusing: answer every mail with a temporary error, as a full or broken server does.
        refused: how many were answered so.
        received: how many were kept so far.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.refusing = False
        self.refused = 0
        self._now = now
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self.received = 0
        self._server: asyncio.Server | None = None

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 = any that is free."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, hostname="mailbox", loop=loop), host, port)

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the mailbox is not open")
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def mails(self) -> list[Mail]:
        """All of them, the newest first."""
        return list(reversed(self._mails))

    @property
    def first(self) -> int:
        """Number of the oldest one that is still kept."""
        return self._mails[0].number if self._mails else self.received + 1

    def mail(self, number: int) -> Mail | None:
        return next((mail for mail in self._mails if mail.number == number), None)

    def clear(self) -> None:
        self._mails.clear()

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: ANN401, N802 - aiosmtpd's
        """What aiosmtpd calls when a mail is complete; returns the SMTP answer."""
        if self.refusing:
            self.refused += 1
            return "451 4.3.0 mailbox is refusing"
        self.received += 1
        mail = self._read(envelope)
        self._mails.append(mail)
        log.info("mail", number=mail.number, to=mail.recipients, subject=mail.subject)
        return f"250 2.0.0 kept as {mail.number}"

    def _read(self, envelope: Any) -> Mail:  # noqa: ANN401 - aiosmtpd's
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        return Mail(
            number=self.received,
            at=self._now().isoformat(timespec="milliseconds"),
            sender=str(envelope.mail_from),
            recipients=[str(recipient) for recipient in envelope.rcpt_tos],
            subject=str(message.get("subject", "")).strip(),  # a long first word is folded onto a line of its own
            text=_text(message),
            headers={name.lower(): str(value) for name, value in message.items()},
        )


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    return "" if body is None else str(body.get_content())
