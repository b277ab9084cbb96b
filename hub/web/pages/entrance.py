"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.store import sign_ins
from hub.web import accounts, render
from hub.web.accounts import WhichOrganisationError, WrongPasswordError
from hub.web.context import Console, Hub
from hub.web.fields import local_path
from hub.web.guard import Acting, address, cookie_name, throttle_of
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
        account = accounts.authenticate(hub.store, throttle_of(request), name, password, address(request))
    except (WrongPasswordError, WhichOrganisationError) as wrong:
        return _again(request, name, next, wrong, 401)
    except TooManyAttemptsError as wrong:
        return _again(request, name, next, wrong, 429, {"Retry-After": str(wrong.wait_s)})
    token, _ = hub.store.write(lambda tx: accounts.sign_in(tx, account))
    answer = RedirectResponse(local_path(next), 303)
    _set_cookie(answer, hub, token)
    return answer


def _again(
    request: Request, name: str, next_: str, wrong: Exception, status: int, headers: dict[str, str] | None = None
) -> Response:
    sentence = str(wrong)
    context = {"next": local_path(next_), "name": name, "wrong": sentence[:1].upper() + sentence[1:] + "."}
    return render.page(request, "sign_in.html", context, status, headers)


def _set_cookie(answer: Response, hub: Console, token: str) -> None:
    lifetime = int(accounts.LIFETIME.total_seconds())
    answer.set_cookie(
        cookie_name(hub), token, max_age=lifetime, path="/", secure=hub.secure_cookies, httponly=True, samesite="strict"
    )


@router.post("/sign-out")
def sign_out(request: Request, hub: Hub, _person: Acting) -> Response:
    token = request.cookies.get(cookie_name(hub), "")
    hub.store.write(lambda tx: sign_ins.remove(tx, token))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(cookie_name(hub), path="/", secure=hub.secure_cookies, httponly=True, samesite="strict")
    return answer
