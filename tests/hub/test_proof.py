"""When a device counts as proved: its whole way to a person was seen to work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.cases import incidents
from hub.domain.incident import Outcome
from hub.store import devices
from protocols.events import Cause, Stage
from tests.hub.desk import ACME, ADDRESS

if TYPE_CHECKING:
    from datetime import datetime

    from tests.hub.conftest import Watch
    from tests.hub.desk import Office


def proved_at(office: Office) -> datetime | None:
    device = office.store.read(lambda tx: devices.get(tx, ACME, ADDRESS))
    assert device is not None
    return device.proved_at


def close(office: Office, outcome: Outcome) -> None:
    office.desk(lambda desk: incidents.close(desk, ACME, office.the_incident().id, "sam", outcome, ""))


def test_an_alarm_that_was_closed_as_a_test_proves_its_device(office: Office, watch: Watch) -> None:
    raised = office.at()
    office.hear(office.alarm.event(Cause.PANIC))
    watch.forward(minutes=2)
    office.take()
    assert proved_at(office) is None
    close(office, Outcome.TEST)
    assert proved_at(office) == raised


def test_a_proof_does_not_take_back_a_newer_one(office: Office, watch: Watch) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    watch.forward(minutes=2)
    office.hear(office.alarm.event(Cause.TEST, Stage.NOTICE))
    tested = office.at()
    close(office, Outcome.TEST)
    assert proved_at(office) == tested


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.TEST])
def test_an_alarm_that_was_no_test_proves_nothing(office: Office, outcome: Outcome) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    close(office, outcome)
    assert proved_at(office) is None


def test_an_alarm_that_is_not_believed_proves_nothing(office: Office) -> None:
    office.desk(lambda desk: devices.change(desk.tx, ACME, ADDRESS, revoked_at=desk.now))
    office.hear(office.alarm.event(Cause.PANIC))
    close(office, Outcome.TEST)
    assert proved_at(office) is None
