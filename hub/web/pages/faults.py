"""Faults: shelved for a time, with a reason."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from hub.cases import shelving
from hub.web.context import Hub
from hub.web.fields import local_path, required
from hub.web.guard import Acting

router = APIRouter(prefix="/faults/{number}")


@router.post("/shelve")
def shelve(
    hub: Hub,
    person: Acting,
    number: str,
    minutes: Annotated[int, Form(ge=1, le=7 * 24 * 60)],
    reason: Annotated[str, Form(max_length=500)] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    why, length = required("Reason", reason), timedelta(minutes=minutes)
    hub.act(lambda desk: shelving.shelve(desk, person.organisation.id, number, person.account.id, why, length))
    return RedirectResponse(local_path(back), 303)
