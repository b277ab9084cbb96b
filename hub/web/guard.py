"""Who may come in. The one place where rights are looked at.

Every route says what it takes, by :func:`viewing` (a page), :func:`acting` (a form), :func:`calling` (the API) or one
of the doors at the end; :mod:`hub.web.rights` says who has it.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Form, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer, SecurityScopes

from hub.web import accounts, rights, tokens
from hub.web.accounts import Origin, Person
from hub.web.context import Console, Hub  # noqa: TC001 - FastAPI reads it at run time
from hub.web.rights import Door, Right

if TYPE_CHECKING:
    from hub.web.throttle import Throttle

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BASIC: Final = HTTPBasic(auto_error=False, realm="Tocsin", description="`account` or `organisation/account`")
_BEARER: Final = HTTPBearer(auto_error=False, description="A token, `tocsin_…`", scheme_name="Token")


class NotSignedInError(Exception):
    """Nobody, or nobody any more."""

    def __init__(self) -> None:
        super().__init__("sign in first")


class NotAllowedError(Exception):
    """Somebody who is signed in, but has not the right that this takes.

    Attributes:
        what: right it takes.
    """

    def __init__(self, what: Right) -> None:
        super().__init__(f"this account or token may not {rights.words(what)} ({what})")
        self.what = what


class MustChangePasswordError(Exception):
    """Somebody whose password was set by somebody else."""

    def __init__(self) -> None:
        super().__init__("this password was for one sign-in: choose one of your own first")


class ForgedError(Exception):
    """A request that did not come from a page of ours.

    Attributes:
        what: is missing or wrong.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"this did not come from a page of this hub: {what}")
        self.what = what


def cookie_name(console: Console) -> str:
    """With ``__Host-`` the browser itself insists on https and on this very host."""
    return "__Host-tocsin" if console.secure_cookies else "tocsin"


def cookie_of(request: Request, hub: Console) -> str:
    """What this browser has of us; empty when nothing."""
    return request.cookies.get(cookie_name(hub), "")


def origin(request: Request) -> Origin:
    """Where a request comes from, as far as can be told."""
    return Origin(request.client.host if request.client else "unknown", request.cookies)


def throttle_of(request: Request) -> Throttle:
    """The one throttle of passwords of this process."""
    found: Throttle = request.app.state.throttle
    return found


def same_origin(request: Request, hub: Hub) -> None:
    """Nothing that changes anything is taken from a page of another site.

    Raises:
        ForgedError: the browser says that it comes from elsewhere.
    """
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    page = request.headers.get("origin")
    if site is not None and site not in {"same-origin", "none"}:
        raise ForgedError(f"it comes from another site ({site})")
    if site is None and page is not None and urlsplit(page).netloc not in _hosts(request, hub):
        raise ForgedError(f"it comes from {page}")


def _hosts(request: Request, hub: Console) -> set[str]:
    return {request.headers.get("host", ""), urlsplit(hub.public_url).netloc}


def _by_cookie(request: Request, hub: Console) -> Person:
    token = cookie_of(request, hub)
    found = accounts.seen(hub.store, token) if token else None
    if found is None:
        raise NotSignedInError
    return found


def _demand(person: Person, scopes: SecurityScopes) -> Person:
    """Let nobody pass without the right that the route takes.

    Raises:
        MustChangePasswordError, NotAllowedError: as they say.
    """
    for scope in scopes.scopes:
        if scope == Door.SIGNED_IN:
            continue
        if person.must_change_password:
            raise MustChangePasswordError
        if scope not in person.rights:
            raise NotAllowedError(Right(scope))
    return person


def _viewer(request: Request, hub: Hub, scopes: SecurityScopes) -> Person:
    return _demand(_by_cookie(request, hub), scopes)


def _actor(
    request: Request,
    hub: Hub,
    scopes: SecurityScopes,
    csrf: Annotated[str, Form()] = "",
    x_csrf_token: Annotated[str, Header()] = "",
) -> Person:
    """The form carries the token that every form of ours does."""
    person = _by_cookie(request, hub)
    _check_csrf(person, x_csrf_token or csrf)
    return _demand(person, scopes)


def _caller(
    request: Request,
    hub: Hub,
    scopes: SecurityScopes,
    basic: Annotated[HTTPBasicCredentials | None, Security(_BASIC)],
    token: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    x_csrf_token: Annotated[str, Header(description="With a cookie, for anything but GET")] = "",
) -> Person:
    """A program with a token, or a name and a password; or a browser with our cookie and its token."""
    return _demand(_identified(request, hub, basic, token, x_csrf_token), scopes)


def _identified(
    request: Request,
    hub: Console,
    basic: HTTPBasicCredentials | None,
    token: HTTPAuthorizationCredentials | None,
    csrf: str,
) -> Person:
    if token is not None:
        return tokens.bearer(hub.store, token.credentials)
    if basic is not None:
        return _with_password(request, hub, basic)
    person = _by_cookie(request, hub)
    if request.method not in _SAFE:
        _check_csrf(person, csrf)
    return person


def _check_csrf(person: Person, token: str) -> None:
    if not token or person.csrf is None or not hmac.compare_digest(token.encode(), person.csrf.encode()):
        raise ForgedError("the form's token is missing or out of date")


def _with_password(request: Request, hub: Console, given: HTTPBasicCredentials) -> Person:
    throttle = throttle_of(request)
    account = accounts.authenticate(hub.store, throttle, given.username, given.password, origin(request))
    found = hub.store.read(lambda tx: accounts.person_of(tx, account))
    if found is None:
        raise NotSignedInError
    return found


def _anybody() -> None:
    """What the route takes is looked at by the route itself, or nothing is."""


def _scraper(hub: Hub, token: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> None:
    """Whoever runs this hub.

    Raises:
        NotSignedInError: somebody else, or nobody gave this hub a token for it.
    """
    kept, given = hub.metrics_token, token.credentials if token is not None else ""
    if kept is None or not hmac.compare_digest(given.encode(), kept.encode()):
        raise NotSignedInError


def viewing(right: Right | Door) -> Any:  # noqa: ANN401 - as FastAPI's own
    """For a page: a browser that is signed in."""
    return Security(_viewer, scopes=[right])


def acting(right: Right | Door) -> Any:  # noqa: ANN401
    """For a form: a browser that is signed in, and a form of ours."""
    return Security(_actor, scopes=[right])


def calling(right: Right | Door) -> Any:  # noqa: ANN401
    """For a program, or a browser that acts like one."""
    return Security(_caller, scopes=[right])


PUBLIC: Final[Any] = Security(_anybody, scopes=[Door.PUBLIC])
GATEWAY: Final[Any] = Security(_anybody, scopes=[Door.GATEWAY])
SCRAPER: Final[Any] = Security(_scraper, scopes=[Door.SCRAPER])
