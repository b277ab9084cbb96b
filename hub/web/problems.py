"""Errors as answers: problem+json (RFC 9457) for programs, a page or a line of text for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from hub.cases.accounts import AccountIdError, LastAdministratorError, NoWorkerError, OwnAccountError
from hub.cases.device_keys import NoMoreGenerationsError
from hub.cases.enrolment import AlreadyThereError, AlreadyWearsError, EnrolmentError
from hub.cases.gateways import CodeLifetimeError, GatewayIdError
from hub.cases.incidents import UnknownIncidentError
from hub.cases.people import ZoneError
from hub.cases.sessions import UnknownReferenceError
from hub.cases.way_in import NoWayInError
from hub.domain.incident import NotPossibleError
from hub.domain.session import SessionError, SessionTimeError
from hub.store.store import StoreUnavailableError
from hub.web import headers, render
from hub.web.accounts import WeakPasswordError, WhichOrganisationError, WrongPasswordError
from hub.web.api.gateway import CodeRefusedError, CredentialRefusedError, InsecureError
from hub.web.closing import SomethingNewError
from hub.web.fields import FieldError
from hub.web.guard import ForgedError, MustChangePasswordError, NotAllowedError, NotSignedInError
from hub.web.overlap import OverlapError
from hub.web.own import NoWorkerError as NobodysAccountError
from hub.web.throttle import TooManyAttemptsError
from hub.web.tokens import ScopeError, TokenError
from protocols.ids import AddressError
from protocols.labels import LabelError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_TITLES: Final = {
    400: "Not understood",
    401: "Not signed in",
    403: "Refused",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    413: "Too large",
    422: "Something is not right in what was sent",
    429: "Too many attempts",
    500: "An error of this hub",
    503: "The database is not available",
}
_STATUS: Final[dict[type[Exception], int]] = {
    NotPossibleError: 409,
    SessionError: 409,
    SomethingNewError: 409,
    OverlapError: 409,
    LastAdministratorError: 409,
    NotAllowedError: 403,
    MustChangePasswordError: 403,
    OwnAccountError: 403,
    TokenError: 401,
    CredentialRefusedError: 401,
    CodeRefusedError: 403,
    InsecureError: 403,
    ScopeError: 422,
    GatewayIdError: 422,
    CodeLifetimeError: 422,
    ZoneError: 422,
    NoWayInError: 409,
    AccountIdError: 422,
    NoWorkerError: 422,
    WeakPasswordError: 422,
    NobodysAccountError: 404,
    AlreadyThereError: 409,
    AlreadyWearsError: 409,
    EnrolmentError: 422,
    LabelError: 422,
    NoMoreGenerationsError: 409,
    UnknownIncidentError: 404,
    UnknownReferenceError: 404,
    SessionTimeError: 422,
    FieldError: 422,
    AddressError: 422,
    RequestValidationError: 422,
    StoreUnavailableError: 503,
    NotSignedInError: 401,
    WrongPasswordError: 401,
    WhichOrganisationError: 401,
    ForgedError: 403,
    TooManyAttemptsError: 429,
}
_NAMED: Final = ("what", "where", "id", "incident", "phase", "starts_at", "ends_at", "wait_s")
"""Attributes of our errors that a program may want to read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error, ready to be told.

    Attributes:
        kind: a stable name for programs.
        detail: one sentence.
        more: what, where: whatever the error knows.
    """

    status: int
    kind: str
    detail: str
    more: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return _TITLES.get(self.status, "That did not work")


def install(app: FastAPI) -> None:
    """Answer every error of ours, and every other, in these ways."""
    for kind in (*_STATUS, HTTPException):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Exception, broken)


def answer(request: Request, error: Exception) -> Response:
    """The answer to a request that failed."""
    problem = _problem(error)
    if request.url.path.startswith("/api/"):
        return _to_program(request, problem)
    if isinstance(error, NotSignedInError) and _is_navigation(request):
        return _to_sign_in(request)
    if isinstance(error, MustChangePasswordError) and _is_navigation(request):
        return RedirectResponse("/account", 303)
    if "hx-request" in request.headers:
        return PlainTextResponse(f"{problem.title}: {problem.detail}", problem.status, problem.headers)
    about = {"problem": problem, "path": request.url.path}
    return render.page(request, "problem.html", about, problem.status, problem.headers)


def broken(request: Request, error: Exception) -> Response:
    """The answer to an error nobody foresaw; it passes by everything that would add our headers."""
    failed = answer(request, error)
    headers.add_to(failed.headers)
    return failed


def _is_navigation(request: Request) -> bool:
    """Somebody opens a page; a script that refreshes one is better told the truth."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and wants_page and "hx-request" not in request.headers


def status_of(error: Exception) -> int:
    """The HTTP status of an error; 500 of one that nobody foresaw."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def _problem(error: Exception) -> Problem:
    if isinstance(error, HTTPException):
        return Problem(error.status_code, "http", str(error.detail), headers=dict(error.headers or {}))
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    status = status_of(error)
    if status == 500:  # noqa: PLR2004 - what happened is in the log, not on the wire
        return Problem(500, "internal", "it has been written to the log")
    more = {name: str(getattr(error, name)) for name in _NAMED if hasattr(error, name)}
    return Problem(status, _kind(error), str(error), more, _headers(error))


def _kind(error: Exception) -> str:
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, TooManyAttemptsError):
        return {"Retry-After": str(error.wait_s)}
    return {"Retry-After": "2"} if isinstance(error, StoreUnavailableError) else {}


def _invalid(error: RequestValidationError) -> Problem:
    errors = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()]
    detail = "; ".join(f"{one['where']}: {one['what']}" for one in errors)
    return Problem(422, "invalid", detail, {"errors": errors})


def _to_program(request: Request, problem: Problem) -> Response:
    content = {
        **problem.more,
        "type": f"urn:tocsin:problem:{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
    }
    challenge = {"WWW-Authenticate": 'Basic realm="Tocsin"'} if problem.status == 401 else {}  # noqa: PLR2004
    more = {**problem.headers, **challenge}
    return JSONResponse(content, problem.status, more, media_type="application/problem+json")


def _to_sign_in(request: Request) -> Response:
    """A link in a web mail brings no strict cookie along; the browser's own second look does."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        return render.page(request, "again.html", {"path": request.url.path})
    path = request.url.path
    return RedirectResponse("/sign-in" if path == "/" else f"/sign-in?next={quote(path)}", 303)
