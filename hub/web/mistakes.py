"""A form that can't be taken comes back as it was typed, with what is wrong beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from hub.cases.accounts import AccountIdError, LastAdministratorError, NoWorkerError, OwnAccountError
from hub.cases.device_keys import NoMoreGenerationsError
from hub.cases.enrolment import AlreadyThereError, EnrolmentError
from hub.cases.gateways import CodeLifetimeError, GatewayIdError
from hub.cases.people import ZoneError
from hub.cases.sessions import UnknownReferenceError
from hub.cases.way_in import NoWayInError
from hub.web import problems, render
from hub.web.fields import FieldError
from hub.web.tokens import ScopeError
from protocols.ids import AddressError
from protocols.labels import LabelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.cases.desk import Desk
    from hub.store.store import Tx
    from hub.web.accounts import Person
    from hub.web.context import Console

MENDABLE: Final = (
    FieldError,
    EnrolmentError,
    AlreadyThereError,
    LabelError,
    AddressError,
    GatewayIdError,
    CodeLifetimeError,
    NoWayInError,
    AccountIdError,
    NoWorkerError,
    LastAdministratorError,
    OwnAccountError,
    ScopeError,
    ZoneError,
    UnknownReferenceError,
    NoMoreGenerationsError,
)
"""What whoever filled in a form can mend there."""
SECRET: Final = frozenset({"csrf", "text"})
"""Fields that are never shown again: the code on a label is a key."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a form.

    Attributes:
        action: path that it was sent to.
        problem: in words.
        typed: by field, what was in it.
    """

    action: str
    problem: str
    typed: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page with forms on it.

    Attributes:
        path: where it is.
        template: that draws it.
        context: what the template wants.
    """

    path: str
    template: str
    context: Callable[[Tx, Person], dict[str, Any]]


async def read(request: Request) -> dict[str, list[str]]:
    """What was typed into a form, as text, without secrets."""
    form = await request.form()
    names = [name for name in form if name not in SECRET]
    return {name: [value for value in form.getlist(name) if isinstance(value, str)] for name in names}


Typed: TypeAlias = Annotated[dict[str, list[str]], Depends(read)]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody sent a form of a page."""

    request: Request
    hub: Console
    person: Person
    page: Page
    typed: dict[str, list[str]]

    def act(self, work: Callable[[Desk], object], but: type[Exception] | tuple[()] = ()) -> Response:
        """Do it and lead back to the page; a mistake leads back to the form.

        Raises:
            Exception: one of the kind ``but``, which the caller deals with.
        """
        try:
            self.hub.act(work)
        except but:
            raise
        except MENDABLE as wrong:
            return self.again(wrong)
        return RedirectResponse(self.page.path, 303)

    def again(self, wrong: Exception, problem: str = "", **more: object) -> Response:
        """The page, with the form as it was typed and what is wrong."""
        mistake = Mistake(self.request.url.path, problem or str(wrong), self.typed)
        return self.show(problems.status_of(wrong), mistake=mistake, **more)

    def show(self, status: int = 200, **more: object) -> Response:
        """The page, with something beside what it always shows."""
        context = self.hub.store.read(lambda tx: self.page.context(tx, self.person))
        return render.page(self.request, self.page.template, {**context, **more}, status)
