"""Whoever works alone: their own sessions and alarms, by program."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel

from hub.cases import sessions as cases
from hub.domain.incident import Kind, Phase
from hub.domain.session import Risk
from hub.web import overlap, own
from hub.web.accounts import Person
from hub.web.api.models import Extension, Sent, SessionOut
from hub.web.context import Hub
from hub.web.fields import check_end, utc
from hub.web.guard import calling
from hub.web.rights import Right

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.sessions import SessionRecord

router = APIRouter(prefix="/me", tags=["me"])

Myself = Annotated[Person, calling(Right.OWN)]


class OwnDeviceOut(BaseModel):
    """What one wears."""

    address: str
    label: str
    heard_at: datetime | None
    battery: int | None


class OwnAlarmOut(BaseModel):
    """An alarm of one's own, as its device would show it."""

    kind: Kind
    phase: Phase
    observed_at: datetime


class OwnOut(BaseModel):
    """Everything one sees of oneself."""

    worker: str
    name: str
    devices: list[OwnDeviceOut]
    sessions: list[SessionOut]
    alarms: list[OwnAlarmOut]


class OwnSession(Sent):
    """A session of one's own, from now on."""

    place: str
    ends_at: AwareDatetime
    risk: Risk = Risk.NORMAL
    also: bool = False


@router.get("")
def read_me(hub: Hub, person: Myself) -> OwnOut:
    """What an alarm that was cancelled, under threat or not, or asked for unseen was, is not here."""
    facts = hub.store.read(lambda tx: own.facts(tx, person))
    return OwnOut(
        worker=facts.worker.id,
        name=facts.worker.name,
        devices=[
            OwnDeviceOut(
                address=device.address,
                label=device.label,
                heard_at=None if heard is None else heard.heard_at,
                battery=None if heard is None else heard.battery,
            )
            for device, heard in facts.devices
        ],
        sessions=[SessionOut.of(record) for record in facts.sessions],
        alarms=[
            OwnAlarmOut(kind=one.state.kind, phase=one.state.phase, observed_at=one.observed_at)
            for one in facts.incidents
        ],
    )


@router.post("/sessions", status_code=201)
def log_own_session(hub: Hub, person: Myself, new: OwnSession) -> SessionOut:
    """An amber alert of one's own: where, until when, and how dangerous that is."""
    return SessionOut.of(hub.act(lambda desk: _log(desk, person, new)))


def _log(desk: "Desk", person: Person, new: OwnSession) -> "SessionRecord":
    ends_at = utc("ends_at", new.ends_at)
    check_end("ends_at", ends_at, desk.now)
    wanted = cases.NewSession(own.worker_of(person), new.place, desk.now, ends_at, new.risk, start_now=True)
    if not new.also:
        overlap.refuse(desk, person.organisation.id, wanted)
    return cases.log(desk, person.organisation.id, wanted, person.by)


@router.post("/sessions/{number}/end")
def end_own_session(hub: Hub, person: Myself, number: str) -> SessionOut:
    """One is back. A red alert stays."""
    return SessionOut.of(hub.act(lambda desk: _end(desk, person, number)))


def _end(desk: "Desk", person: Person, number: str) -> "SessionRecord":
    return cases.end(desk, person.organisation.id, own.session(desk, person, number).id, person.by)


@router.post("/sessions/{number}/extend")
def extend_own_session(hub: Hub, person: Myself, number: str, extension: Extension) -> SessionOut:
    """It takes longer."""
    return SessionOut.of(hub.act(lambda desk: _extend(desk, person, number, extension)))


def _extend(desk: "Desk", person: Person, number: str, extension: Extension) -> "SessionRecord":
    record, ends_at = own.session(desk, person, number), utc("ends_at", extension.ends_at)
    return cases.extend(desk, person.organisation.id, record.id, ends_at, person.by)
