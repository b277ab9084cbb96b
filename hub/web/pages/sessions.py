"""Sessions: logged, started, extended, ended, cancelled."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from hub.cases import enrolment, sessions
from hub.cases.sessions import NewSession
from hub.domain.session import Risk
from hub.store.directory import Place
from hub.web import overlap
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import check_end, coordinates, local_path, local_time, required
from hub.web.guard import acting
from hub.web.rights import Right
from protocols.ids import PlaceId

if TYPE_CHECKING:
    from hub.cases.desk import Desk

router = APIRouter(prefix="/sessions")

Logger = Annotated[Person, acting(Right.SESSIONS_LOG)]


@dataclass
class SessionForm:
    """What was typed.

    A new place's name wins over a chosen place; an exact end over a length; ``also`` allows another session beside it.
    """

    worker: Annotated[str, Form()] = ""
    place: Annotated[str, Form()] = ""
    new_place: Annotated[str, Form(max_length=200)] = ""
    new_address: Annotated[str, Form(max_length=500)] = ""
    new_coordinates: Annotated[str, Form(max_length=60)] = ""
    starts: Annotated[str, Form()] = ""
    lasts: Annotated[int, Form(ge=1, le=7 * 24 * 60)] = 60
    ends: Annotated[str, Form()] = ""
    risk: Annotated[Risk, Form()] = Risk.NORMAL
    also: Annotated[bool, Form()] = False


@router.post("")
def log(hub: Hub, person: Logger, form: Annotated[SessionForm, Depends()]) -> Response:
    hub.act(lambda desk: _log(desk, person, form))
    return RedirectResponse("/", 303)


def _log(desk: "Desk", person: "Person", form: SessionForm) -> None:
    starts_at, ends_at = _times(form, desk.now, ZoneInfo(person.organisation.zone))
    new = NewSession(
        worker=required("Worker", form.worker),
        place=_place(desk, person, form),
        starts_at=starts_at,
        ends_at=ends_at,
        risk=form.risk,
        start_now=not form.starts,
    )
    if not form.also:
        overlap.refuse(desk, person.organisation.id, new)
    sessions.log(desk, person.organisation.id, new, person.by)


def _times(form: SessionForm, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    starts_at = local_time("Start", form.starts, zone) if form.starts else now.astimezone(UTC)
    ends_at = local_time("End", form.ends, zone) if form.ends else starts_at + timedelta(minutes=form.lasts)
    check_end("End", ends_at, now)
    return starts_at, ends_at


def _place(desk: "Desk", person: "Person", form: SessionForm) -> str:
    if not form.new_place.strip():
        return required("Place", form.place)
    found = coordinates("Coordinates", form.new_coordinates)
    latitude, longitude = found if found is not None else (None, None)
    number = PlaceId(desk.tx.new_id())
    name, address = form.new_place.strip(), form.new_address.strip()
    place = Place(person.organisation.id, number, name, address, latitude, longitude)
    enrolment.add_place(desk, place, person.by)
    return number


@router.post("/{number}/start")
def start(hub: Hub, person: Logger, number: str, back: Annotated[str, Form()] = "/") -> Response:
    hub.act(lambda desk: sessions.start(desk, person.organisation.id, number, person.by))
    return RedirectResponse(local_path(back), 303)


@router.post("/{number}/end")
def end(hub: Hub, person: Logger, number: str, back: Annotated[str, Form()] = "/") -> Response:
    hub.act(lambda desk: sessions.end(desk, person.organisation.id, number, person.by))
    return RedirectResponse(local_path(back), 303)


@router.post("/{number}/cancel")
def cancel(hub: Hub, person: Logger, number: str, back: Annotated[str, Form()] = "/") -> Response:
    hub.act(lambda desk: sessions.cancel(desk, person.organisation.id, number, person.by))
    return RedirectResponse(local_path(back), 303)


@router.post("/{number}/extend")
def extend(
    hub: Hub,
    person: Logger,
    number: str,
    minutes: Annotated[int, Form(ge=1, le=24 * 60)],
    back: Annotated[str, Form()] = "/",
) -> Response:
    hub.act(lambda desk: _extend(desk, person, number, timedelta(minutes=minutes)))
    return RedirectResponse(local_path(back), 303)


def _extend(desk: "Desk", person: "Person", number: str, longer: timedelta) -> None:
    """Counted from the expected end, or from now when that has passed."""
    own = person.organisation.id
    ends_at = max(sessions.get(desk, own, number).state.ends_at, desk.now) + longer
    sessions.extend(desk, own, number, ends_at, person.by)
