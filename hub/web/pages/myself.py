"""One's own account: password, where one is signed in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.cases import accounts as cases
from hub.web import accounts, render
from hub.web.accounts import Person, WeakPasswordError
from hub.web.context import Console, Hub
from hub.web.guard import acting, origin, throttle_of, viewing
from hub.web.pages.entrance import open_door
from hub.web.rights import Door
from hub.web.throttle import TooManyAttemptsError

router = APIRouter(prefix="/account")

Myself = Annotated[Person, viewing(Door.SIGNED_IN)]
Doing = Annotated[Person, acting(Door.SIGNED_IN)]


@router.get("")
def account(request: Request, person: Myself) -> Response:
    return _page(request, person)


def _page(
    request: Request, person: Person, wrong: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    context = {"me": person, "wrong": wrong, "shortest": accounts.SHORTEST}
    return render.page(request, "account.html", context, status, headers)


@router.post("/password")
def change_password(
    request: Request,
    hub: Hub,
    person: Doing,
    current: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Whoever found a browser that is signed in does not know the current one."""
    now = hub.store.read(lambda tx: tx.now)
    try:
        if not accounts.is_password_of(throttle_of(request), person.account, current, origin(request), now):
            return _page(request, person, "The current password is not right.", 403)
        if new != again:
            return _page(request, person, "The new password is not the same both times.", 422)
        if new == current:
            return _page(request, person, "That is the password you have.", 422)
        return _changed(hub, person, accounts.check_password(new, person.account))
    except WeakPasswordError as weak:
        return _page(request, person, str(weak).capitalize() + ".", 422)
    except TooManyAttemptsError as wrong:
        return _page(request, person, str(wrong).capitalize() + ".", 429, {"Retry-After": str(wrong.wait_s)})


def _changed(hub: Console, person: Person, password: str) -> Response:
    """Every other browser is signed out, and this one gets a new cookie."""
    kept = accounts.hash_password(password)
    hub.act(lambda desk: cases.change_password(desk, person.account, kept))
    fresh, token = hub.store.write(lambda tx: accounts.sign_in_again(tx, person.account))
    answer = RedirectResponse("/", 303)
    open_door(answer, hub, fresh, token)
    return answer
