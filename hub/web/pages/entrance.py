"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.cases import accounts as cases
from hub.store import sign_ins
from hub.store.directory import Account
from hub.web import accounts, browsers, guard, render
from hub.web.accounts import Person, WhichOrganisationError, WrongPasswordError
from hub.web.context import Console, Hub
from hub.web.fields import local_path
from hub.web.guard import acting, cookie_name, cookie_of, origin, throttle_of
from hub.web.rights import Door
from hub.web.throttle import TooManyAttemptsError

router = APIRouter()

Anybody = Annotated[Person, acting(Door.SIGNED_IN)]


@router.get("/sign-in", dependencies=[guard.PUBLIC])
def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - it is the name in the address
    return render.page(request, "sign_in.html", {"next": local_path(next), "name": "", "wrong": None})


@router.post("/sign-in", dependencies=[guard.PUBLIC])
def sign_in(
    request: Request,
    hub: Hub,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    try:
        account = accounts.authenticate(hub.store, throttle_of(request), name, password, origin(request))
    except (WrongPasswordError, WhichOrganisationError) as wrong:
        return _again(request, name, next, wrong, 401)
    except TooManyAttemptsError as wrong:
        return _again(request, name, next, wrong, 429, {"Retry-After": str(wrong.wait_s)})
    before = cookie_of(request, hub)
    token, _ = hub.store.write(lambda tx: accounts.sign_in(tx, account, instead_of=before))
    answer = RedirectResponse(local_path(next), 303)
    open_door(answer, hub, account, token)
    return answer


def open_door(answer: Response, hub: Console, account: Account, token: str) -> None:
    """The cookies of a browser that is signed in from now on."""
    lifetime = int(accounts.LIFETIME.total_seconds())
    _set_cookie(answer, hub, cookie_name(hub), token, lifetime)
    _remember(answer, hub, account)


def _again(
    request: Request, name: str, next_: str, wrong: Exception, status: int, headers: dict[str, str] | None = None
) -> Response:
    sentence = str(wrong)
    context = {"next": local_path(next_), "name": name, "wrong": sentence[:1].upper() + sentence[1:] + "."}
    return render.page(request, "sign_in.html", context, status, headers)


def _remember(answer: Response, hub: Console, account: Account) -> None:
    """Signing in here again must not depend on what others do."""
    name, lifetime = browsers.cookie_name(account, secure=hub.secure_cookies), int(browsers.LIFETIME.total_seconds())
    _set_cookie(answer, hub, name, browsers.mark(account), lifetime)


def _set_cookie(answer: Response, hub: Console, name: str, value: str, lifetime: int) -> None:
    answer.set_cookie(
        name, value, max_age=lifetime, path="/", secure=hub.secure_cookies, httponly=True, samesite="strict"
    )


@router.post("/sign-out")
def sign_out(request: Request, hub: Hub, _person: Anybody) -> Response:
    token = cookie_of(request, hub)
    hub.store.write(lambda tx: sign_ins.remove(tx, token))
    return _out(hub)


@router.post("/sign-out-everywhere")
def sign_out_everywhere(hub: Hub, person: Anybody) -> Response:
    hub.act(lambda desk: cases.sign_out_everywhere(desk, person.account))
    return _out(hub)


def _out(hub: Console) -> Response:
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(cookie_name(hub), path="/", secure=hub.secure_cookies, httponly=True, samesite="strict")
    return answer
