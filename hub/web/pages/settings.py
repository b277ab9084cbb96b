"""The organisation itself."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.cases import people
from hub.store.directory import Organisation
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import required
from hub.web.guard import acting, viewing
from hub.web.rights import Right

router = APIRouter(prefix="/settings")


@router.get("")
def settings(request: Request, hub: Hub, person: Annotated[Person, viewing(Right.SETTINGS_EDIT)]) -> Response:
    context, _ = hub.store.read(lambda tx: frame.around(tx, person, "/settings"))
    return render.page(request, "settings.html", context)


@router.post("")
def save(
    hub: Hub,
    person: Annotated[Person, acting(Right.SETTINGS_EDIT)],
    name: Annotated[str, Form(max_length=200)] = "",
    zone: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    new = Organisation(person.organisation.id, required("Name", name), required("Time zone", zone))
    hub.act(lambda desk: people.edit_organisation(desk, new, person.by))
    return RedirectResponse("/settings", 303)
