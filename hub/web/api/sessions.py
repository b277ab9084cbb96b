"""Sessions: logged, listed, started, extended, ended, cancelled."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from hub.cases import enrolment
from hub.cases import sessions as cases
from hub.domain.session import SessionPhase
from hub.store import sessions as rows
from hub.web import overlap
from hub.web.accounts import Person
from hub.web.api.directory import place_of
from hub.web.api.models import Extension, NewSession, SessionOut
from hub.web.context import Hub
from hub.web.fields import check_end, utc
from hub.web.guard import calling
from hub.web.rights import Right

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.sessions import SessionRecord

router = APIRouter(prefix="/sessions", tags=["sessions"])

Watcher = Annotated[Person, calling(Right.ALARMS_SEE)]
Logger = Annotated[Person, calling(Right.SESSIONS_LOG)]

_LIVE = (SessionPhase.PLANNED, SessionPhase.ACTIVE)


@router.get("")
def list_sessions(
    hub: Hub, person: Watcher, phase: Annotated[list[SessionPhase] | None, Query()] = None
) -> list[SessionOut]:
    """Planned and active ones, or those in the phases asked for; by start."""
    found = hub.store.read(lambda tx: rows.listed(tx, person.organisation.id, phase or _LIVE))
    return [SessionOut.of(record) for record in found]


@router.post("", status_code=201)
def log_session(hub: Hub, person: Logger, new: NewSession) -> SessionOut:
    """An amber alert: who is where, until when, and how dangerous that is."""
    return SessionOut.of(hub.act(lambda desk: _log(desk, person, new)))


def _log(desk: "Desk", person: "Person", new: NewSession) -> "SessionRecord":
    wanted = cases.NewSession(
        worker=new.worker,
        place=_place(desk, person, new),
        starts_at=desk.now if new.starts_at is None else utc("starts_at", new.starts_at),
        ends_at=utc("ends_at", new.ends_at),
        risk=new.risk,
        start_now=new.start_now or new.starts_at is None,
    )
    check_end("ends_at", wanted.ends_at, desk.now)
    if not new.also:
        overlap.refuse(desk, person.organisation.id, wanted)
    return cases.log(desk, person.organisation.id, wanted, person.by)


def _place(desk: "Desk", person: "Person", new: NewSession) -> str:
    if isinstance(new.place, str):
        return new.place
    place = place_of(desk, person.organisation.id, new.place)
    enrolment.add_place(desk, place, person.by)
    return place.id


@router.post("/{number}/start")
def start_session(hub: Hub, person: Logger, number: str) -> SessionOut:
    """Begin a planned one now."""
    own, by = person.organisation.id, person.by
    return SessionOut.of(hub.act(lambda desk: cases.start(desk, own, number, by)))


@router.post("/{number}/end")
def end_session(hub: Hub, person: Logger, number: str) -> SessionOut:
    """It is over. A red alert stays."""
    own, by = person.organisation.id, person.by
    return SessionOut.of(hub.act(lambda desk: cases.end(desk, own, number, by)))


@router.post("/{number}/extend")
def extend_session(hub: Hub, person: Logger, number: str, extension: Extension) -> SessionOut:
    """It takes longer."""
    own, by, ends_at = person.organisation.id, person.by, utc("ends_at", extension.ends_at)
    return SessionOut.of(hub.act(lambda desk: cases.extend(desk, own, number, ends_at, by)))


@router.post("/{number}/cancel")
def cancel_session(hub: Hub, person: Logger, number: str) -> SessionOut:
    """A planned one will not take place."""
    own, by = person.organisation.id, person.by
    return SessionOut.of(hub.act(lambda desk: cases.cancel(desk, own, number, by)))
