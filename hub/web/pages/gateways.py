"""Gateways: how they are, one more, a new credential, out."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hub.cases import gateways as cases
from hub.cases import way_in
from hub.cases.gateways import GatewayIdError
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import hyphened, required
from hub.web.guard import acting, viewing
from hub.web.mistakes import MENDABLE, Attempt, Page, Typed
from hub.web.rights import Right

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.store import Tx

router = APIRouter(prefix="/gateways")

Reader = Annotated[Person, viewing(Right.DIRECTORY_SEE)]
Keeper = Annotated[Person, acting(Right.GATEWAYS_EDIT)]


@router.get("")
def gateways(request: Request, hub: Hub, person: Reader) -> Response:
    return render.page(request, "gateways.html", hub.store.read(lambda tx: _context(tx, person)))


def _context(tx: "Tx", person: Person) -> dict[str, Any]:
    context, _ = frame.around(tx, person, "/gateways")
    listed = cases.listed(tx, person.organisation.id)
    return {**context, "gateways": listed, "made": None}


PAGE = Page("/gateways", "gateways.html", _context)


@router.post("")
def invite(
    request: Request,
    hub: Hub,
    person: Keeper,
    typed: Typed,
    gateway: Annotated[str, Form(max_length=60)] = "",
    place: Annotated[str, Form()] = "",
    minutes: Annotated[int, Form(ge=1, le=7 * 24 * 60)] = 60,
) -> Response:
    """The code is on this page, and nowhere else."""
    number, attempt = gateway.strip().lower(), Attempt(request, hub, person, PAGE, typed)
    try:
        made = hub.act(lambda desk: _invite(desk, person, number, place or None, timedelta(minutes=minutes)))
    except GatewayIdError as wrong:
        better = hyphened(gateway)
        typed["gateway"] = [better or gateway]
        return attempt.again(wrong, f"{wrong}. How about {better}?" if better else "")
    except MENDABLE as wrong:
        return attempt.again(wrong)
    return attempt.show(made=made)


def _invite(desk: "Desk", person: Person, gateway: str, place: str | None, lifetime: timedelta) -> dict[str, Any]:
    code = cases.new_code(desk, person.organisation.id, gateway, place, person.by, lifetime)
    url = way_in.read(desk.tx).hub_url
    return {"gateway": gateway, "code": code, "command": f"tocsin gateway enroll {url} --code {code}",
            "until": desk.now + lifetime}  # fmt: skip


@router.post("/{gateway}/rotate")
def rotate(request: Request, hub: Hub, person: Keeper, gateway: str, typed: Typed) -> Response:
    attempt = Attempt(request, hub, person, PAGE, typed)
    return attempt.act(lambda desk: cases.rotate(desk, person.organisation.id, gateway, person.by))


@router.post("/{gateway}/revoke")
def revoke(
    request: Request,
    hub: Hub,
    person: Keeper,
    gateway: str,
    typed: Typed,
    why: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    attempt, own = Attempt(request, hub, person, PAGE, typed), person.organisation.id
    return attempt.act(lambda desk: cases.revoke(desk, own, gateway, person.by, required("Why", why)))
