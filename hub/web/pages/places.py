"""Places where sessions are and gateways hang."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from hub.cases import enrolment, people
from hub.store.directory import Place
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import coordinates, required
from hub.web.guard import acting, viewing
from hub.web.mistakes import Attempt, Page, Typed
from hub.web.rights import Right
from protocols.ids import PlaceId

if TYPE_CHECKING:
    from hub.store.store import Tx

router = APIRouter(prefix="/places")

Editor = Annotated[Person, acting(Right.DIRECTORY_EDIT)]


@router.get("")
def places(request: Request, hub: Hub, person: Annotated[Person, viewing(Right.DIRECTORY_SEE)]) -> Response:
    return render.page(request, "places.html", hub.store.read(lambda tx: _context(tx, person)))


def _context(tx: "Tx", person: Person) -> dict[str, Any]:
    context, names = frame.around(tx, person, "/places")
    return {**context, "places": list(names.places.values())}


PAGE = Page("/places", "places.html", _context)


class PlaceForm:
    """What was typed."""

    def __init__(
        self,
        name: Annotated[str, Form(max_length=200)] = "",
        address: Annotated[str, Form(max_length=500)] = "",
        where: Annotated[str, Form(max_length=60, alias="coordinates")] = "",
    ) -> None:
        self.name, self.address, self.where = name, address, where

    def place(self, person: Person, number: str) -> Place:
        """A place with this id.

        Raises:
            FieldError: something is missing, or is not what it should be.
        """
        latitude, longitude = coordinates("Latitude, longitude", self.where) or (None, None)
        name, address = required("Name", self.name), self.address.strip()
        return Place(person.organisation.id, PlaceId(number), name, address, latitude, longitude)


@router.post("")
def add_place(
    request: Request, hub: Hub, person: Editor, form: Annotated[PlaceForm, Depends()], typed: Typed
) -> Response:
    attempt = Attempt(request, hub, person, PAGE, typed)
    return attempt.act(lambda desk: enrolment.add_place(desk, form.place(person, desk.tx.new_id()), person.by))


@router.post("/{number}")
def edit_place(
    request: Request, hub: Hub, person: Editor, number: str, form: Annotated[PlaceForm, Depends()], typed: Typed
) -> Response:
    attempt = Attempt(request, hub, person, PAGE, typed)
    return attempt.act(lambda desk: people.edit_place(desk, form.place(person, number), person.by))
