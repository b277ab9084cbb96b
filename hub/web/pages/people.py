"""People: who works alone, and who may sign in."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from hub.cases import accounts as cases
from hub.cases import enrolment, people
from hub.cases.accounts import Edit
from hub.store.directory import Role, Worker
from hub.web import frame, render
from hub.web.accounts import Person, hash_password, one_time_password
from hub.web.context import Hub
from hub.web.fields import email, identifier, required
from hub.web.guard import acting, viewing
from hub.web.mistakes import MENDABLE, Attempt, Page, Typed
from hub.web.rights import Right
from protocols.ids import WorkerId

if TYPE_CHECKING:
    from hub.store.store import Tx

router = APIRouter(prefix="/people")

Reader = Annotated[Person, viewing(Right.DIRECTORY_SEE)]
Editor = Annotated[Person, acting(Right.DIRECTORY_EDIT)]
Keeper = Annotated[Person, acting(Right.ACCOUNTS_EDIT)]


@router.get("")
def everybody(request: Request, hub: Hub, person: Reader) -> Response:
    return render.page(request, "people.html", hub.store.read(lambda tx: _context(tx, person)))


def _context(tx: "Tx", person: Person) -> dict[str, Any]:
    context, names = frame.around(tx, person, "/people")
    worn = {worker: [names.devices[one].label for one in worn] for worker, worn in names.worn.items()}
    supervisors = [(one.id, one.name) for one in names.accounts.values() if one.active and one.role is not Role.WORKER]
    lists = {"workers": list(names.workers.values()), "accounts": list(names.accounts.values()), "worn": worn}
    return {**context, **lists, "supervisors": supervisors, "roles": list(Role), "made": None}


PAGE = Page("/people", "people.html", _context)


class WorkerForm:
    """What was typed about who works alone."""

    def __init__(
        self,
        name: Annotated[str, Form(max_length=200)] = "",
        mail: Annotated[str, Form(max_length=320, alias="email")] = "",
        phone: Annotated[str, Form(max_length=40)] = "",
        supervisor: Annotated[str, Form()] = "",
    ) -> None:
        self.name, self.email, self.phone, self.supervisor = name, mail, phone, supervisor

    def worker(self, person: Person, number: str) -> Worker:
        """A worker with this id.

        Raises:
            FieldError: something is missing, or is not what it should be.
        """
        name, mail = required("Name", self.name), email("E-mail", self.email)
        phone, supervisor = self.phone.strip() or None, self.supervisor or None
        return Worker(person.organisation.id, WorkerId(number), name, mail, phone, supervisor)


@router.post("/workers")
def add_worker(
    request: Request, hub: Hub, person: Editor, form: Annotated[WorkerForm, Depends()], typed: Typed
) -> Response:
    attempt = Attempt(request, hub, person, PAGE, typed)
    return attempt.act(lambda desk: enrolment.add_worker(desk, form.worker(person, desk.tx.new_id()), person.by))


@router.post("/workers/{number}")
def edit_worker(
    request: Request, hub: Hub, person: Editor, number: str, form: Annotated[WorkerForm, Depends()], typed: Typed
) -> Response:
    attempt = Attempt(request, hub, person, PAGE, typed)
    return attempt.act(lambda desk: people.edit_worker(desk, form.worker(person, number), person.by))


class AccountForm:
    """What was typed about who may sign in."""

    def __init__(
        self,
        name: Annotated[str, Form(max_length=200)] = "",
        mail: Annotated[str, Form(max_length=320, alias="email")] = "",
        role: Annotated[Role, Form()] = Role.SUPERVISOR,
        worker: Annotated[str, Form()] = "",
        active: Annotated[bool, Form()] = False,  # noqa: FBT002 - a box in a form
    ) -> None:
        self.name, self.email, self.role, self.worker, self.active = name, mail, role, worker, active

    def edit(self, *, active: bool) -> Edit:
        """What it says.

        Raises:
            FieldError: something is missing, or is not what it should be.
        """
        name, mail = required("Name", self.name), email("E-mail", self.email)
        return Edit(name, mail, self.role, self.worker or None, active)


@router.post("/accounts")
def add_account(
    request: Request,
    hub: Hub,
    person: Keeper,
    form: Annotated[AccountForm, Depends()],
    typed: Typed,
    number: Annotated[str, Form(alias="id", max_length=60)] = "",
) -> Response:
    """The one-time password is on this page, and nowhere else."""
    attempt, own, password = Attempt(request, hub, person, PAGE, typed), person.organisation.id, one_time_password()
    kept = hash_password(password)
    try:
        new, wanted = form.edit(active=True), identifier("Account", number)
        hub.act(lambda desk: cases.add(desk, own, wanted, new, person.by, kept))
    except MENDABLE as wrong:
        return attempt.again(wrong)
    return _with_password(attempt, wanted, password)


@router.post("/accounts/{number}")
def edit_account(
    request: Request, hub: Hub, person: Keeper, number: str, form: Annotated[AccountForm, Depends()], typed: Typed
) -> Response:
    attempt, own = Attempt(request, hub, person, PAGE, typed), person.organisation.id
    return attempt.act(lambda desk: cases.edit(desk, own, number, form.edit(active=form.active), person.by))


@router.post("/accounts/{number}/password")
def reset_password(request: Request, hub: Hub, person: Keeper, number: str, typed: Typed) -> Response:
    """A one-time password; the account is signed out everywhere."""
    attempt, own, password = Attempt(request, hub, person, PAGE, typed), person.organisation.id, one_time_password()
    kept = hash_password(password)
    try:
        hub.act(lambda desk: cases.reset_password(desk, own, number, person.by, kept))
    except MENDABLE as wrong:
        return attempt.again(wrong)
    return _with_password(attempt, number, password)


def _with_password(attempt: Attempt, account: str, password: str) -> Response:
    return attempt.show(made={"account": account, "password": password, "days": cases.ONE_TIME.days})
