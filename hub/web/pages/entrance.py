"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.store import sign_ins
from hub.store.directory import Account
from hub.web import accounts, browsers, render
from hub.web.accounts import WhichOrganisationError, WrongPasswordError
from hub.web.context import Console, Hub
from hub.web.fields import local_path
from hub.web.guard import Acting, cookie_name, origin, throttle_of
from hub.web.throttle import TooManyAttemptsError

router = APIRouter()


@router.get("/sign-in")
def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - it is the name in the address
    return render.page(request, "sign_in.html", {"next": local_path(next), "name": "", "wrong": None})


@router.post("/sign-in")
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
    token, _ = hub.store.write(lambda tx: accounts.sign_in(tx, account))
    answer = RedirectResponse(local_path(next), 303)
    lifetime = int(accounts.LIFETIME.total_seconds())
    _set_cookie(answer, hub, cookie_name(hub), token, lifetime)
    _remember(answer, hub, account)
    return answer


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
def sign_out(request: Request, hub: Hub, _person: Acting) -> Response:
    token = request.cookies.get(cookie_name(hub), "")
    hub.store.write(lambda tx: sign_ins.remove(tx, token))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(cookie_name(hub), path="/", secure=hub.secure_cookies, httponly=True, samesite="strict")
    return answer
