"""What is said about an alarm of a device that nobody wears, about faults, and in the journal: names, not ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hub.cases import enrolment, incidents
from hub.domain.incident import Outcome
from hub.store import faults, presence
from hub.store.faults import FaultKind
from protocols.events import Cause
from protocols.ids import WorkerId
from protocols.mqtt.envelope import GatewayState
from tests.hub.desk import ACME, ADDRESS
from tests.hub.web.test_console import cards, text
from tests.hub.web.visitor import Visitor

if TYPE_CHECKING:
    from fastapi import FastAPI

    from hub.cases.desk import Desk
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office


def an_alarm_of_nobody(office: Office, watch: Watch, cause: Cause = Cause.PANIC) -> None:
    """Alice gave it back; now it is pressed near the gateway at home 17."""
    office.status(GatewayState.ONLINE)
    office.store.write(lambda tx: presence.put_place(tx, ACME, "north", "home-17", state=GatewayState.ONLINE))
    watch.forward(minutes=1)
    office.desk(lambda desk: enrolment.unassign(desk, ACME, ADDRESS, "mo"))
    watch.forward(minutes=1)
    office.hear(office.alarm.event(cause))


def test_who_wore_it_last_and_where_it_was_heard_are_hints(sam: Visitor, office: Office, watch: Watch) -> None:
    an_alarm_of_nobody(office, watch)
    (card,) = cards(sam.page())
    hint = (
        "Not proved, but it may help: last worn by Alice Archer (phone 07700 900001); heard by gateway north at Home 17"
    )
    assert hint in text(card)
    assert "Unmatched" in text(card)
    sheet = text(sam.page(f"/incidents/{office.the_incident().id}"))
    assert "Not known from a session; last worn by Alice Archer" in sheet


def test_a_hint_has_no_phone_that_must_not_be_called(sam: Visitor, office: Office, watch: Watch) -> None:
    an_alarm_of_nobody(office, watch, Cause.DISCREET_PANIC)
    (card,) = cards(sam.page())
    assert "last worn by Alice Archer;" in text(card)
    assert "07700" not in card


def test_an_alarm_that_is_matched_has_no_hints(sam: Visitor, office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    assert "may help" not in text(sam.page())


def test_a_fault_says_whose_device_and_who_was_refused(sam: Visitor, office: Office) -> None:
    session = office.session()

    def work(desk: Desk) -> None:
        tx = desk.tx
        faults.raise_(tx, ACME, FaultKind.DEVICE_SILENT, session.id, f"the device of alice; session {session.id}")
        faults.raise_(tx, ACME, FaultKind.ACCESS_REFUSED, "127.0.0.1", "wrong code")
        faults.raise_(tx, ACME, FaultKind.DEVICE_REMOVED, ADDRESS, f"{ADDRESS} was taken off")

    office.desk(work)
    page = text(sam.page())
    assert "Device silent : the device of Alice Archer not heard in their session at Home 17" in page
    assert "Somebody was refused : at the network address 127.0.0.1" in page
    assert "Device not worn : alarm 1 alarm 1 was taken off" in page


def test_the_journal_is_read_in_names_and_times(app: FastAPI, office: Office) -> None:
    session = office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    number = office.the_incident().id
    office.desk(lambda desk: incidents.close(desk, ACME, number, "sam", Outcome.TEST, ""))
    office.desk(lambda desk: enrolment.assign(desk, ACME, ADDRESS, WorkerId("alice"), "mo"))
    mo = Visitor(app)
    mo.sign_in("mo")
    page = text(mo.page("/journal"))
    for words in (
        "Panic alarm: Alice Archer",
        "closed outcome: test Sam Super",
        "session of Alice Archer",
        "device alarm 1",
        "worker: Alice Archer",
    ):
        assert words in page, words
    assert session.id not in page
    assert not re.search(r"\d{4}-\d\d-\d\dT", page)
    assert "note:" not in page
