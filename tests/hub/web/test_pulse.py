from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.cases import incidents, sessions, shelving
from hub.domain.incident import Outcome
from hub.store import directory, pulse
from hub.store.directory import Organisation
from protocols.events import Cause, Stage
from protocols.ids import OrganisationId
from protocols.mqtt.envelope import GatewayState
from tests.conftest import database_url  # noqa: F401 - both databases here
from tests.hub.desk import ACME
from tests.hub.web.scenes import weak_battery

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hub.desk import Office

OTHERS = OrganisationId("others")
HOUR = timedelta(hours=1)


def test_whatever_is_shown_as_it_happens_changes_the_pulse(office: Office) -> None:
    session = office.session()
    later = office.watch.now() + timedelta(hours=3)

    each_changes_the_pulse(
        office,
        lambda: office.status(GatewayState.ONLINE),
        lambda: office.desk(lambda desk: sessions.extend(desk, ACME, session.id, later, "sam")),
        lambda: office.hear(office.alarm.event(Cause.PANIC, Stage.PRE_ALARM)),
        lambda: office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False)),
        lambda: office.status(GatewayState.ONLINE, blind=True),
        lambda: office.desk(lambda desk: shelving.shelve(desk, ACME, office.faults()[0].id, "sam", "x", HOUR)),
        lambda: office.desk(lambda desk: sessions.end(desk, ACME, session.id, "sam")),
    )


def test_every_step_of_an_alarm_changes_the_pulse(office: Office) -> None:
    def act(case: Callable[..., object], *more: object) -> Callable[[], object]:
        return lambda: office.desk(lambda desk: case(desk, ACME, office.the_incident().id, "sam", *more))

    each_changes_the_pulse(
        office,
        lambda: office.hear(office.alarm.event(Cause.PANIC)),
        lambda: office.pass_time(minutes=1),
        act(incidents.take),
        office.dispatch,
        act(incidents.help_sent),
        office.dispatch,
        lambda: office.hear(office.alarm.event(Cause.FALL)),
        act(incidents.close, Outcome.TEST, ""),
    )


def each_changes_the_pulse(office: Office, *steps: Callable[[], object]) -> None:
    before = beat(office)
    for number, step in enumerate(steps):
        step()
        after = beat(office)
        assert after != before, f"step {number} was not noticed"
        before = after


def test_a_heartbeat_changes_no_pulse(office: Office) -> None:
    office.session()
    office.digest(office.alarm.frame())
    before = beat(office)

    office.watch.forward(seconds=10)
    office.digest(office.alarm.frame())

    assert beat(office) == before


@pytest.mark.parametrize("event", [Cause.PANIC, Cause.FALL])
def test_each_organisation_has_a_pulse_of_its_own(office: Office, event: Cause) -> None:
    office.store.write(lambda tx: directory.add_organisation(tx, Organisation(OTHERS, "Others", "Europe/London")))
    before = both(office)

    office.hear(office.alarm.event(event))
    weak_battery(office)

    assert both(office)[OTHERS] == before[OTHERS]
    assert both(office)[ACME] != before[ACME]


def beat(office: Office) -> str:
    return office.store.read(lambda tx: pulse.of(tx, [ACME]))[ACME]


def both(office: Office) -> dict[OrganisationId, str]:
    return office.store.read(lambda tx: pulse.of(tx, [ACME, OTHERS]))
