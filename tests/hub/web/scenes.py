"""Situations that take more than one thing to happen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.cases import incidents, shelving
from hub.domain.incident import Kind, Raised
from hub.domain.matching import Match, Verdict
from hub.domain.session import Risk
from hub.store import directory, faults
from hub.store.directory import Worker
from hub.store.faults import FaultKind
from protocols.events import Cause
from protocols.ids import WorkerId
from protocols.mqtt.envelope import GatewayState
from tests.hub.desk import ACME, ADDRESS

if TYPE_CHECKING:
    from hub.store.incidents import IncidentRecord
    from tests.hub.desk import Office


def busy_night(office: Office) -> None:
    """A panic that nobody has, an unreadable alarm that Mo has, two sessions, a blind gateway, a shelved fault."""
    office.session(Risk.HIGH)
    office.store.write(
        lambda tx: directory.add_worker(tx, Worker(ACME, WorkerId("bob"), "Bob Bailey", None, "07700 900002"))
    )
    office.session(worker="bob", minutes=20)
    office.status(GatewayState.ONLINE)
    office.status(GatewayState.ONLINE, gateway="south", blind=True)
    office.digest(office.alarm.frame(battery=17))
    office.hear(office.alarm.event(Cause.PANIC))
    incident = unreadable(office)
    office.desk(lambda desk: incidents.take(desk, ACME, incident.id, "mo"))
    shelved = weak_battery(office)
    why, length = "a new battery comes on Monday", timedelta(hours=8)
    office.desk(lambda desk: shelving.shelve(desk, ACME, shelved, "mo", why, length))


def weak_battery(office: Office) -> str:
    """A fault; its id."""
    number: str = office.desk(lambda desk: faults.raise_(desk.tx, ACME, FaultKind.DEVICE_BATTERY, ADDRESS, "17 % left"))
    return number


def unreadable(office: Office) -> IncidentRecord:
    """An alarm that can't be read comes by gateway south."""
    found = Match(Verdict.UNMATCHED, None, None, None, ("a message of gateway south can't be read",))
    about = incidents.About(ACME, "gateway:south", found, office.watch.now(), gateway="south")  # type: ignore[arg-type]
    record: IncidentRecord = office.desk(lambda desk: incidents.raise_(desk, about, Raised(Kind.UNREADABLE)))
    return record
