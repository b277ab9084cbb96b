"""The main page."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hub.web import reading, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.guard import viewing
from hub.web.lengths import LENGTHS
from hub.web.rights import Right
from hub.web.views import board as view
from hub.web.views.alarms import OUTCOMES
from hub.web.views.times import Clock
from hub.web.views.todo import todo

router = APIRouter()


@router.get("/")
def board(request: Request, hub: Hub, person: Annotated[Person, viewing(Right.OWN)]) -> Response:
    """Whoever may not see alarms has a page of their own."""
    if not person.may(Right.ALARMS_SEE):
        return RedirectResponse("/me", 303)
    facts = hub.store.read(lambda tx: reading.board(tx, person.organisation))
    names = facts.names
    context = {
        "me": person,
        "todo": todo(facts, hub.routes),
        "back": "/",
        "board": view.board(facts),
        "workers": [(worker.id, worker.name, worker.id in names.worn) for worker in names.workers.values()],
        "places": [(place.id, place.name) for place in names.places.values()],
        "lengths": LENGTHS,
        "earliest": Clock.of(names).field(names.now - timedelta(minutes=5)),
        "outcomes": OUTCOMES,
    }
    return render.page(request, "board.html", context)
