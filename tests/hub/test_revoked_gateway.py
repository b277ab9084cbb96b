"""What a gateway that was revoked had still to say: no sign of life, and never an alarm less."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

import pytest

from hub.cases import gateways
from hub.domain.incident import Kind, Phase
from hub.store import credentials, device_keys, presence
from hub.store.faults import FaultKind
from protocols.events import Cause
from protocols.mqtt.envelope import ButtonData, ButtonSign, GatewayState
from tests.hub.desk import ACME, ADDRESS, Office
from tests.hub.test_wired_button import Wall

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.presence import GatewayRecord


def _enrol(office: Office) -> None:
    office.desk(lambda desk: credentials.add(desk.tx, ACME, "north", token_hex(8)))


def _revoke(office: Office) -> None:
    office.desk(lambda desk: gateways.revoke(desk, ACME, "north", "ada", "stolen"))


def _north(office: Office) -> GatewayRecord:
    found = office.store.read(lambda tx: presence.get_gateway(tx, ACME, "north"))
    assert found is not None
    return found


def _faults(office: Office) -> set[tuple[FaultKind, str]]:
    return {(fault.kind, fault.subject) for fault in office.faults()}


@pytest.fixture
def revoked(office: Office) -> Office:
    """North was online, and is revoked."""
    _enrol(office)
    office.status(GatewayState.ONLINE)
    office.digest(office.alarm.frame())
    _revoke(office)
    return office


@pytest.mark.parametrize(
    "late",
    [
        lambda office: office.digest(office.alarm.frame()),
        lambda office: office.status(GatewayState.ONLINE),
        lambda office: office.status(GatewayState.OFFLINE),
    ],
    ids=["digest", "status", "last will"],
)
def test_what_comes_late_from_a_revoked_gateway_does_not_revive_it(
    revoked: Office, late: Callable[[Office], None]
) -> None:
    before = _north(revoked)
    revoked.pass_time(seconds=1)
    late(revoked)
    assert _north(revoked) == before
    assert before.state == GatewayState.OFFLINE
    revoked.pass_time(seconds=300)
    assert (FaultKind.GATEWAY_SILENT, "north") not in _faults(revoked)


def test_new_keys_do_not_wait_for_a_revoked_gateway(revoked: Office) -> None:
    revoked.status(GatewayState.ONLINE)
    revoked.digest()
    revoked.pass_time(seconds=5)
    record = revoked.store.read(lambda tx: device_keys.newest(tx, ACME, ADDRESS))
    assert record is not None
    assert record.rekey_from is not None
    assert (FaultKind.KEYS_NOT_FETCHED, "north") not in _faults(revoked)


def test_a_revoked_gateway_vouches_for_no_device(office: Office) -> None:
    _enrol(office)
    office.digest(office.alarm.frame())
    _revoke(office)
    office.alarm.generation = 1
    office.pass_time(seconds=10)
    before = office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS))
    office.digest(office.alarm.frame())
    assert office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS)) == before
    office.digest(office.alarm.frame(), gateway="south")
    assert office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS)) != before


@pytest.mark.parametrize("how", ["event", "digest"])
def test_an_alarm_that_still_comes_from_it_pages_and_administrators_are_told(revoked: Office, how: str) -> None:
    revoked.session()
    event = revoked.alarm.event(Cause.PANIC)
    revoked.hear(event) if how == "event" else revoked.digest(event)
    assert revoked.the_incident().state.kind is Kind.PANIC
    (fault,) = [fault for fault in revoked.faults() if fault.kind is FaultKind.ACCESS_REFUSED]
    assert fault.subject == "north"
    assert "was revoked" in fault.detail


def test_a_wired_button_on_it_pages_and_administrators_are_told(revoked: Office) -> None:
    revoked.session()
    Wall(revoked).send(ButtonData(button="desk", boot="b", number=1, sign=ButtonSign.PANIC))
    assert revoked.the_incident().state.phase is Phase.OPEN
    assert (FaultKind.ACCESS_REFUSED, "north") in _faults(revoked)


def test_a_gateway_that_was_set_up_by_hand_and_one_enrolled_again_count(office: Office) -> None:
    office.status(GatewayState.ONLINE)
    assert _north(office).state == GatewayState.ONLINE
    _enrol(office)
    _revoke(office)
    office.status(GatewayState.ONLINE)
    assert _north(office).state == GatewayState.OFFLINE
    _enrol(office)
    office.status(GatewayState.ONLINE)
    assert _north(office).state == GatewayState.ONLINE
    office.hear(office.alarm.event(Cause.PANIC))
    assert (FaultKind.ACCESS_REFUSED, "north") not in _faults(office)
