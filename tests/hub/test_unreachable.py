"""People whom a mail does not reach."""

from __future__ import annotations

from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.email.smtp import SmtpChannel
from hub.domain.mail import is_address
from hub.settings import EmailSettings
from hub.store import directory
from hub.store.faults import FaultKind
from hub.web.fields import FieldError, email
from protocols.events import Cause
from tests.hub.desk import ACME, Office

if TYPE_CHECKING:
    from hub.channels.port import Outgoing

MISTYPED = ("sam.@acme.example", "a@b>", "a@b,c", "a@b\x00", "a@b\n", "é@b.example", "(x)a@b", "a@b;x", "@b", "a@")


def _edit(office: Office, account: str, address: str) -> None:
    def work(tx: object) -> None:
        found = directory.get_account(tx, ACME, account)  # type: ignore[arg-type]
        assert found is not None
        directory.save_account(tx, replace(found, email=address))  # type: ignore[arg-type]

    office.store.write(work)


def _write_really(office: Office) -> None:
    """Mails are composed as they would be sent."""
    channel, keep = SmtpChannel(EmailSettings(host="127.0.0.1", port=25, sender="hub@x.example")), office.mail.send

    def send(outgoing: Outgoing) -> str:
        channel._written(outgoing)
        return keep(outgoing)

    office.mail.send = send  # type: ignore[method-assign]


@pytest.mark.parametrize("text", MISTYPED)
def test_a_mistyped_address_is_refused_where_it_is_typed(text: str) -> None:
    assert not is_address(text)
    if not text.endswith("\n"):  # around what is typed into a form, white space means nothing
        with pytest.raises(FieldError):
            email("E-mail", text)


@given(st.from_regex(r"[^@ ]{1,9}@[^@ ]{1,9}") | st.emails())
def test_to_every_address_that_is_taken_a_mail_can_be_written(text: str) -> None:
    if not is_address(text):
        return
    message = EmailMessage()
    message["To"] = Address(addr_spec=text)

    assert message.as_bytes(policy=SMTP).splitlines()[0].startswith(b"To: ")


def test_who_has_an_address_to_which_nothing_can_be_written_holds_up_no_alarm(office: Office) -> None:
    _write_really(office)
    _edit(office, "sam", "sam.@acme.example")
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))

    assert office.mails() == {("mo@acme.example", "alarm"): 1}
    assert FaultKind.CHANNEL_FAILING in {fault.kind for fault in office.faults()}


def test_the_ladder_goes_on_from_there_a_minute_later(office: Office) -> None:
    _write_really(office)
    _edit(office, "sam", "sam.@acme.example")
    office.hear(office.alarm.event(Cause.PANIC))
    office.pass_time(seconds=61)

    assert office.mails() == {("mo@acme.example", "alarm"): 2}
    assert office.the_incident().state.rung == 2


def test_a_ladder_that_reaches_nobody_does_not_run_in_circles(office: Office) -> None:
    _write_really(office)
    _edit(office, "sam", "sam.@acme.example")
    _edit(office, "mo", "mo.@acme.example")
    office.hear(office.alarm.event(Cause.PANIC))
    office.pass_time(seconds=1)

    assert (office.the_incident().state.rung, office.the_incident().state.round) == (2, 0)


def test_one_of_several_who_can_not_be_reached_sets_nothing_forward(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    _write_really(office)
    _edit(office, "mo", "mo.@acme.example")
    office.pass_time(seconds=60)

    assert office.the_incident().state.rung == 1
    assert office.mails()["sam@acme.example", "alarm"] == 2


def test_an_address_that_everybody_shares_with_the_worker_is_written_to(office: Office) -> None:
    for account in ("sam", "mo"):
        _edit(office, account, "alice@acme.example")
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))

    assert office.mails() == {("alice@acme.example", "alarm"): 1}
    assert office.faults() == []
