"""Tokens: made, looked at, revoked."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hub.store import api_tokens
from hub.web import frame, render, rights, tokens
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import required
from hub.web.guard import acting, viewing
from hub.web.mistakes import MENDABLE, Attempt, Page, Typed
from hub.web.rights import Right

if TYPE_CHECKING:
    from hub.store.store import Tx

router = APIRouter(prefix="/tokens")

Keeper = Annotated[Person, acting(Right.TOKENS_EDIT)]


@router.get("")
def all_tokens(request: Request, hub: Hub, person: Annotated[Person, viewing(Right.TOKENS_EDIT)]) -> Response:
    return render.page(request, "tokens.html", hub.store.read(lambda tx: _context(tx, person)))


def _context(tx: "Tx", person: Person) -> dict[str, Any]:
    context, _ = frame.around(tx, person, "/tokens")
    may = rights.grantable(person.account.role)
    scopes = [(str(right), rights.words(right)) for right in Right if right in may]
    return {**context, "tokens": api_tokens.listed(tx, person.organisation.id), "scopes": scopes, "made": None}


PAGE = Page("/tokens", "tokens.html", _context)


@router.post("")
def make(
    request: Request,
    hub: Hub,
    person: Keeper,
    typed: Typed,
    name: Annotated[str, Form(max_length=200)] = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    days: Annotated[int, Form(ge=1, le=tokens.MOST_DAYS)] = tokens.DEFAULT_DAYS,
) -> Response:
    """The token is on this page, and nowhere else."""
    attempt = Attempt(request, hub, person, PAGE, typed)
    try:
        wanted = required("What it is for", name)
        secret, token = hub.act(lambda desk: tokens.new(desk, person.account, wanted, scopes or [], days))
    except MENDABLE as wrong:
        return attempt.again(wrong, "" if scopes else "Choose at least one thing that it may do")
    return attempt.show(made={"secret": secret, "token": token})


@router.post("/{number}/revoke")
def revoke(request: Request, hub: Hub, person: Keeper, number: str, typed: Typed) -> Response:
    attempt = Attempt(request, hub, person, PAGE, typed)
    return attempt.act(lambda desk: tokens.revoke(desk, person.organisation.id, number, person.by))
