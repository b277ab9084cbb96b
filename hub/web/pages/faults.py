"""Faults: shelved for a time, with a reason."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from hub.cases import shelving
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import local_path, required
from hub.web.guard import acting
from hub.web.rights import Right

router = APIRouter(prefix="/faults/{number}")


@router.post("/shelve")
def shelve(
    hub: Hub,
    person: Annotated[Person, acting(Right.FAULTS_SHELVE)],
    number: str,
    minutes: Annotated[int, Form(ge=1, le=7 * 24 * 60)],
    reason: Annotated[str, Form(max_length=500)] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    why, length = required("Reason", reason), timedelta(minutes=minutes)
    hub.act(lambda desk: shelving.shelve(desk, person.organisation.id, number, person.by, why, length))
    return RedirectResponse(local_path(back), 303)
