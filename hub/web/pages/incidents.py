"""One incident, and what a person does about it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.cases import incidents
from hub.domain.incident import Outcome
from hub.web import reading, render
from hub.web.context import Hub
from hub.web.fields import local_path
from hub.web.guard import Acting, SignedIn
from hub.web.views import incident as view
from hub.web.views.alarms import OUTCOMES
from hub.web.views.past import past

router = APIRouter(prefix="/incidents")


@router.get("")
def all_incidents(request: Request, hub: Hub, person: SignedIn) -> Response:
    facts = hub.store.read(lambda tx: reading.past(tx, person.organisation))
    return render.page(request, "past.html", {"me": person, "back": "/incidents", "board": past(facts)})


@router.get("/{number}")
def incident(request: Request, hub: Hub, person: SignedIn, number: str) -> Response:
    facts = hub.store.read(lambda tx: reading.incident(tx, person.organisation, number))
    page = view.incident(facts)
    context = {"me": person, "back": f"/incidents/{number}", "board": page, "outcomes": OUTCOMES}
    return render.page(request, "incident.html", context)


@router.post("/{number}/take")
def take(hub: Hub, person: Acting, number: str, back: Annotated[str, Form()] = "/") -> Response:
    hub.act(lambda desk: incidents.take(desk, person.organisation.id, number, person.account.id))
    return RedirectResponse(local_path(back), 303)


@router.post("/{number}/help-sent")
def help_sent(hub: Hub, person: Acting, number: str, back: Annotated[str, Form()] = "/") -> Response:
    hub.act(lambda desk: incidents.help_sent(desk, person.organisation.id, number, person.account.id))
    return RedirectResponse(local_path(back), 303)


@router.post("/{number}/close")
def close(
    hub: Hub,
    person: Acting,
    number: str,
    outcome: Annotated[Outcome, Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    own, by = person.organisation.id, person.account.id
    hub.act(lambda desk: incidents.close(desk, own, number, by, outcome, note.strip()))
    return RedirectResponse(local_path(back), 303)
