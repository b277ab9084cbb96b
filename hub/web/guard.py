"""Who may come in. The one place where rights are looked at."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Form, Header, Request
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from hub.store import directory
from hub.store.directory import Role
from hub.web import accounts
from hub.web.accounts import Origin, Person
from hub.web.context import Console, Hub  # noqa: TC001 - FastAPI reads it at run time

if TYPE_CHECKING:
    from hub.web.throttle import Throttle

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BASIC: Final = HTTPBasic(auto_error=False, realm="Tocsin", description="`account` or `organisation/account`")


class NotSignedInError(Exception):
    """Nobody, or nobody any more."""

    def __init__(self) -> None:
        super().__init__("sign in first")


class NotAllowedError(Exception):
    """Somebody who is signed in, but has not the role that this takes.

    Attributes:
        what: role it takes.
    """

    def __init__(self, what: Role) -> None:
        super().__init__(f"this is for accounts with the role {what}")
        self.what = what


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


def origin(request: Request) -> Origin:
    """Where a request comes from, as far as can be told."""
    return Origin(request.client.host if request.client else "unknown", request.cookies)


def throttle_of(request: Request) -> Throttle:
    """The one throttle of this process."""
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


def signed_in(request: Request, hub: Hub) -> Person:
    """Whoever this browser belongs to. Any account of an organisation may act in it; roles will be looked at here.

    Raises:
        NotSignedInError: nobody.
    """
    token = request.cookies.get(cookie_name(hub))
    found = hub.store.read(lambda tx: accounts.person(tx, token)) if token else None
    if found is None:
        raise NotSignedInError
    return found


SignedIn = Annotated[Person, Depends(signed_in)]


def sent_by_us(
    person: SignedIn, csrf: Annotated[str, Form()] = "", x_csrf_token: Annotated[str, Header()] = ""
) -> Person:
    """A signed-in person's form.

    Raises:
        ForgedError: it lacks the token that every form of ours carries.
    """
    _check_csrf(person, x_csrf_token or csrf)
    return person


Acting = Annotated[Person, Depends(sent_by_us)]


def _check_csrf(person: Person, token: str) -> None:
    if not token or person.csrf is None or not hmac.compare_digest(token.encode(), person.csrf.encode()):
        raise ForgedError("the form's token is missing or out of date")


def by_program(
    request: Request,
    hub: Hub,
    credentials: Annotated[HTTPBasicCredentials | None, Depends(_BASIC)],
    x_csrf_token: Annotated[str, Header(description="With a cookie, for anything but GET")] = "",
) -> Person:
    """A program with a name and a password, or a browser with our cookie and its token.

    Raises:
        WrongPasswordError, WhichOrganisationError, TooManyAttemptsError, NotSignedInError, ForgedError: as they say.
    """
    if credentials is not None:
        return _with_password(request, hub, credentials)
    person = signed_in(request, hub)
    if request.method not in _SAFE:
        _check_csrf(person, x_csrf_token)
    return person


Program = Annotated[Person, Depends(by_program)]


def administrator(person: Program) -> Person:
    """Whoever looks after the whole hub, and so may know of every organisation in it.

    Raises:
        NotAllowedError: it is somebody else.
    """
    if person.account.role is not Role.ADMINISTRATOR:
        raise NotAllowedError(Role.ADMINISTRATOR)
    return person


Administrator = Annotated[Person, Depends(administrator)]


def _with_password(request: Request, hub: Console, given: HTTPBasicCredentials) -> Person:
    throttle = throttle_of(request)
    account = accounts.authenticate(hub.store, throttle, given.username, given.password, origin(request))
    organisation = hub.store.read(lambda tx: directory.get_organisation(tx, account.organisation))
    if organisation is None:
        raise NotSignedInError
    return Person(account, organisation)
