"""The main page."""

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.web import reading, render
from hub.web.context import Hub
from hub.web.guard import SignedIn
from hub.web.views import board as view
from hub.web.views.alarms import OUTCOMES
from hub.web.views.times import Clock

router = APIRouter()

LENGTHS = ((15, "15 min"), (30, "30 min"), (60, "1 h"), (90, "1 h 30"), (120, "2 h"), (240, "4 h"), (480, "8 h"))
"""How long a session lasts, in minutes and in words."""


@router.get("/")
def board(request: Request, hub: Hub, person: SignedIn) -> Response:
    facts = hub.store.read(lambda tx: reading.board(tx, person.organisation))
    names = facts.names
    context = {
        "me": person,
        "back": "/",
        "board": view.board(facts),
        "workers": [(worker.id, worker.name, worker.id in names.worn) for worker in names.workers.values()],
        "places": [(place.id, place.name) for place in names.places.values()],
        "lengths": LENGTHS,
        "earliest": Clock.of(names).field(names.now - timedelta(minutes=5)),
        "outcomes": OUTCOMES,
    }
    return render.page(request, "board.html", context)
