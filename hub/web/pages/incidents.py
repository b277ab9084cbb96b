"""One incident, and what a person does about it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.cases import incidents
from hub.domain.incident import Outcome
from hub.web import closing, reading, render
from hub.web.accounts import Person
from hub.web.context import Console, Hub
from hub.web.fields import local_path
from hub.web.guard import acting, viewing
from hub.web.rights import Right
from hub.web.views import incident as view
from hub.web.views.alarms import OUTCOMES
from hub.web.views.past import past

router = APIRouter(prefix="/incidents")

Watcher = Annotated[Person, viewing(Right.ALARMS_SEE)]
Responder = Annotated[Person, acting(Right.ALARMS_ACT)]


@router.get("")
def all_incidents(request: Request, hub: Hub, person: Watcher) -> Response:
    facts = hub.store.read(lambda tx: reading.past(tx, person.organisation))
    return render.page(request, "past.html", {"me": person, "back": "/incidents", "board": past(facts)})


@router.get("/{number}")
def incident(request: Request, hub: Hub, person: Watcher, number: str) -> Response:
    return _page(request, hub, person, number)


def _page(
    request: Request, hub: Console, person: Person, number: str, *, note: str = "", problem: str = "", status: int = 200
) -> Response:
    facts = hub.store.read(lambda tx: reading.incident(tx, person.organisation, number))
    about = {"me": person, "back": f"/incidents/{number}", "board": view.incident(facts), "outcomes": OUTCOMES}
    return render.page(request, "incident.html", {**about, "note": note, "problem": problem}, status)


@router.post("/{number}/take")
def take(hub: Hub, person: Responder, number: str, back: Annotated[str, Form()] = "/") -> Response:
    hub.act(lambda desk: incidents.take(desk, person.organisation.id, number, person.by))
    return RedirectResponse(local_path(back), 303)


@router.post("/{number}/help-sent")
def help_sent(hub: Hub, person: Responder, number: str, back: Annotated[str, Form()] = "/") -> Response:
    hub.act(lambda desk: incidents.help_sent(desk, person.organisation.id, number, person.by))
    return RedirectResponse(local_path(back), 303)


@router.post("/{number}/close")
def close(
    request: Request,
    hub: Hub,
    person: Responder,
    number: str,
    outcome: Annotated[Outcome, Form()],
    seen: Annotated[int, Form(ge=0, le=closing.HIGHEST)],
    note: Annotated[str, Form(max_length=2000)] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Refused when a new sign came in since the form was shown; then it comes back beside what is new."""
    try:
        hub.act(lambda desk: closing.close(desk, person, number, outcome, note.strip(), seen=seen))
    except closing.SomethingNewError as new:
        if "hx-request" in request.headers:
            raise
        return _page(request, hub, person, number, note=note, problem=str(new), status=409)
    return RedirectResponse(local_path(back), 303)
