"""The organisation itself."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hub.cases import people
from hub.store.directory import Organisation
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import required
from hub.web.guard import acting, viewing
from hub.web.mistakes import Attempt, Page, Typed
from hub.web.rights import Right

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.store import Tx

router = APIRouter(prefix="/settings")


@router.get("")
def settings(request: Request, hub: Hub, person: Annotated[Person, viewing(Right.SETTINGS_EDIT)]) -> Response:
    return render.page(request, "settings.html", hub.store.read(lambda tx: _context(tx, person)))


def _context(tx: "Tx", person: Person) -> dict[str, Any]:
    context, _ = frame.around(tx, person, "/settings")
    return context


PAGE = Page("/settings", "settings.html", _context)


@router.post("")
def save(
    request: Request,
    hub: Hub,
    person: Annotated[Person, acting(Right.SETTINGS_EDIT)],
    typed: Typed,
    name: Annotated[str, Form(max_length=200)] = "",
    zone: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    def work(desk: "Desk") -> None:
        new = Organisation(person.organisation.id, required("Name", name), required("Time zone", zone))
        people.edit_organisation(desk, new, person.by)

    return Attempt(request, hub, person, PAGE, typed).act(work)
