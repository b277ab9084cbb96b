"""Handing a message to an SMTP server (RFC 5321)."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager
from datetime import timedelta
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from hub.channels import wording
from hub.channels.port import ChannelError, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.channels.port import Outgoing
    from hub.settings import EmailSettings

_PERMANENT: Final = range(500, 600)


class _Headers(HeaderRegistry):
    """Makes its class for each kind of header once, where the usual one makes it twice for each header of each mail."""

    @cache  # noqa: B019 - there is one, for good
    def __getitem__(self, name: str) -> type[BaseHeader]:
        return super().__getitem__(name)


_POLICY: Final = default.clone(header_factory=_Headers())


class SmtpChannel:
    """One connection per message: simple, and a dead server never holds up the next one for long."""

    carries = frozenset({Field.WHO, Field.WHAT, Field.WHEN, Field.LINK})

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._domain = settings.sender.rpartition("@")[2].rstrip(">")

    def send(self, outgoing: Outgoing) -> str:
        message = self._written(outgoing)
        try:
            with self.signed_in() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            code, said = next(iter(refused.recipients.values()))
            raise self._error(f"{code} {_text(said)}", permanent=code in _PERMANENT) from refused
        except smtplib.SMTPResponseException as refused:
            detail = f"{refused.smtp_code} {_text(refused.smtp_error)}"
            raise self._error(detail, permanent=False) from refused
        except (OSError, smtplib.SMTPException) as failure:
            raise self._error(str(failure) or type(failure).__name__, permanent=False) from failure
        return f"taken by {self._settings.host}"

    def _written(self, outgoing: Outgoing) -> EmailMessage:
        try:
            message = self.compose(outgoing)
            message.as_bytes()
        except Exception as unwritable:  # the parser of addresses raises whatever it stumbles over
            raise self._error(f"no mail can be written to it: {unwritable!r}", permanent=True) from unwritable
        return message

    def compose(self, outgoing: Outgoing) -> EmailMessage:
        """The message, plain text; the same Message-ID at every attempt, so a repeat is seen to be one."""
        facts = outgoing.facts
        message = EmailMessage(_POLICY)
        message["From"] = self._settings.sender
        message["To"] = Address(addr_spec=outgoing.target)
        message["Subject"] = " ".join(wording.subject(facts).split())
        message["Date"] = format_datetime(facts.observed_at + timedelta(seconds=facts.age_s))
        message["Message-ID"] = f"<{outgoing.id}@{self._domain}>"
        if outgoing.incident is not None:
            message["References"] = f"<incident-{outgoing.incident}@{self._domain}>"
        message["Importance"] = "high"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(wording.body(facts))
        return message

    @contextmanager
    def signed_in(self) -> Iterator[smtplib.SMTP]:
        """A server that would take our mail.

        Raises:
            OSError, smtplib.SMTPException: it is not reached, or lets us not in.
        """
        with self._connect() as server:
            self._introduce(server)
            yield server

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_s, context=context)
        return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)

    def _introduce(self, server: smtplib.SMTP) -> None:
        if self._settings.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        password = self._settings.password()
        if self._settings.username is not None and password is not None:
            server.login(self._settings.username, password)

    def _error(self, detail: str, *, permanent: bool) -> ChannelError:
        return ChannelError("email", detail, permanent=permanent)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
