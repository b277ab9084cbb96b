"""A mail server that refuses, hangs, loses its reply, or takes a mail from a hub that dies before it can note that."""

from __future__ import annotations

import smtplib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.channels.email.smtp import SmtpChannel
from hub.settings import EmailSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from random import Random

    from simulator.explore.hub import HubProcess
    from simulator.explore.ledger import Ledger

HANGS_S: Final = 12.0


@dataclass
class Temper:
    """How the server is: probabilities of each answer."""

    refuses: float = 0.0
    hangs: float = 0.0
    loses_reply: float = 0.0


class MailServer(SmtpChannel):
    """The product's channel; only the connection is replaced."""

    def __init__(self, hub: HubProcess, ledger: Ledger, dice: Random) -> None:
        super().__init__(EmailSettings(host="localhost", sender="tocsin@hub.example", security="none"))
        self._hub, self._ledger, self._dice = hub, ledger, dice
        self.temper = Temper()

    def takes_s(self) -> float:
        """How long the next one is under way."""
        return HANGS_S if self._dice.random() < self.temper.hangs else 0.02 + self._dice.random() * 0.2

    @contextmanager
    def signed_in(self) -> Iterator[smtplib.SMTP]:
        if self._dice.random() < self.temper.refuses:
            raise ConnectionRefusedError("mail server refuses")
        yield cast("smtplib.SMTP", self)

    def send_message(self, message: EmailMessage) -> None:
        """Where :meth:`smtplib.SMTP.send_message` is called."""
        number = str(message["Message-ID"]).strip("<>").partition("@")[0]
        mail = self._ledger.mails[number]
        self._hub.fate.point("handing a mail over")
        mail.taken += 1
        mail.runs.append(self._hub.runs)
        self._hub.story.tell("mail", f"taken for {message['To']}: {message['Subject']}")
        mail.excused += self._hub.full  # it can't note that it was taken
        self._hub.fate.point("after a mail was taken")
        if self._dice.random() < self.temper.loses_reply:
            mail.excused += 1
            raise smtplib.SMTPServerDisconnected("gone before it answered")
