"""Whoever works alone: their own sessions, their own device, their own alarms. Nobody else's."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.cases import sessions
from hub.cases.sessions import NewSession
from hub.domain.session import Risk
from hub.web import overlap, own, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import check_end, required
from hub.web.guard import acting, viewing
from hub.web.lengths import LENGTHS
from hub.web.rights import Right
from hub.web.views import own as view

if TYPE_CHECKING:
    from hub.cases.desk import Desk

router = APIRouter(prefix="/me")

Myself = Annotated[Person, viewing(Right.OWN)]
Doing = Annotated[Person, acting(Right.OWN)]


@router.get("")
def me(request: Request, hub: Hub, person: Myself) -> Response:
    facts = hub.store.read(lambda tx: own.facts(tx, person))
    context = {"me": person, "back": "/me", "board": view.own_page(facts), "places": facts.places, "lengths": LENGTHS}
    return render.page(request, "me.html", context)


class OwnForm:
    """What was typed."""

    def __init__(
        self,
        place: Annotated[str, Form()] = "",
        lasts: Annotated[int, Form(ge=1, le=24 * 60)] = 60,
        risk: Annotated[Risk, Form()] = Risk.NORMAL,
        also: Annotated[bool, Form()] = False,  # noqa: FBT002 - a box in a form
    ) -> None:
        self.place, self.length, self.risk, self.also = place, timedelta(minutes=lasts), risk, also


@router.post("/sessions")
def log(hub: Hub, person: Doing, form: Annotated[OwnForm, Depends()]) -> Response:
    hub.act(lambda desk: _log(desk, person, form))
    return RedirectResponse("/me", 303)


def _log(desk: "Desk", person: Person, form: OwnForm) -> None:
    place, ends_at = required("Place", form.place), desk.now + form.length
    check_end("End", ends_at, desk.now)
    new = NewSession(own.worker_of(person), place, desk.now, ends_at, form.risk, start_now=True)
    if not form.also:
        overlap.refuse(desk, person.organisation.id, new)
    sessions.log(desk, person.organisation.id, new, person.by)


@router.post("/sessions/{number}/start")
def start(hub: Hub, person: Doing, number: str) -> Response:
    hub.act(lambda desk: sessions.start(desk, person.organisation.id, own.session(desk, person, number).id, person.by))
    return RedirectResponse("/me", 303)


@router.post("/sessions/{number}/end")
def end(hub: Hub, person: Doing, number: str) -> Response:
    hub.act(lambda desk: sessions.end(desk, person.organisation.id, own.session(desk, person, number).id, person.by))
    return RedirectResponse("/me", 303)


@router.post("/sessions/{number}/extend")
def extend(hub: Hub, person: Doing, number: str, minutes: Annotated[int, Form(ge=1, le=24 * 60)]) -> Response:
    hub.act(lambda desk: own.extend(desk, person, number, timedelta(minutes=minutes)))
    return RedirectResponse("/me", 303)
