"""Personal alarms: enrolled from what is printed on them, given to people, swapped, taken out of use."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from markupsafe import Markup

from hub import labels as sheets
from hub.cases import enrolment
from hub.cases.enrolment import AlreadyWearsError
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import required
from hub.web.guard import acting, viewing
from hub.web.mistakes import MENDABLE, Attempt, Page, Typed
from hub.web.rights import Right
from protocols import labels
from protocols.ids import Address, OrganisationId, WorkerId

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.cases.desk import Desk
    from hub.store.devices import Device
    from hub.store.store import Tx

router = APIRouter(prefix="/devices")

Reader = Annotated[Person, viewing(Right.DIRECTORY_SEE)]
Editor = Annotated[Person, acting(Right.DIRECTORY_EDIT)]
MOST_LABELS = 48


@router.get("")
def devices(request: Request, hub: Hub, person: Reader) -> Response:
    return render.page(request, "devices.html", hub.store.read(lambda tx: _context(tx, person)))


def _context(tx: "Tx", person: Person) -> dict[str, Any]:
    context, names = frame.around(tx, person, "/devices")
    shown = enrolment.devices_shown(tx, person.organisation.id)
    free = [one for one in shown if one.worker is None and not one.device.revoked_at and not one.device.withdrawn_at]
    choices = [(worker.id, worker.name) for worker in names.workers.values()]
    lists = {"devices": shown, "free": free, "worker_choices": choices}
    return {**context, **lists, "made": None, "question": None}


PAGE = Page("/devices", "devices.html", _context)


@dataclass
class EnrolForm:
    """What was typed."""

    text: Annotated[str, Form(max_length=500)] = ""
    label: Annotated[str, Form(max_length=200)] = ""
    address: Annotated[str, Form(max_length=40)] = ""
    worker: Annotated[str, Form()] = ""
    anew: Annotated[bool, Form()] = False


@router.post("")
def enrol(request: Request, hub: Hub, person: Editor, form: Annotated[EnrolForm, Depends()], typed: Typed) -> Response:
    """A mistake in a long code comes back beside it; the code itself does not, for it is a key."""
    attempt = Attempt(request, hub, person, PAGE, typed)
    try:
        made, question = hub.act(lambda desk: _enrol(desk, person, form))
    except MENDABLE as wrong:
        return attempt.again(wrong)
    return attempt.show(made=made, question=question)


def _enrol(desk: "Desk", person: Person, form: EnrolForm) -> "tuple[Device, AlreadyWearsError | None]":
    """The device; and, in the pool for now, whether it is to replace what its worker wears."""
    own, given = person.organisation.id, Address(form.address.strip()) if form.address.strip() else None
    name = form.label.strip()
    device = enrolment.enrol_device(desk, own, form.text, name, person.by, address=given, anew=form.anew)
    try:
        if form.worker:
            enrolment.assign(desk, own, device.address, WorkerId(form.worker), person.by)
    except AlreadyWearsError as asked:
        return device, asked
    return device, None


@router.post("/labels")
def new_labels(
    request: Request, hub: Hub, person: Editor, count: Annotated[int, Form(ge=1, le=MOST_LABELS)] = 1
) -> Response:
    """Labels of devices that never were, each with a key of its own: on this page, and nowhere else."""
    made = [
        {"address": address, "code": labels.code(address, key), "picture": Markup(sheets.picture(address, key))}  # noqa: S704 - segno draws it, nobody types it
        for address, key in sheets.fresh(count)
    ]
    context, _ = hub.store.read(lambda tx: frame.around(tx, person, "/devices"))
    return render.page(request, "labels.html", {**context, "made": made})


@router.post("/{address}/assign")
def assign(
    request: Request,
    hub: Hub,
    person: Editor,
    address: str,
    typed: Typed,
    worker: Annotated[str, Form()] = "",
    replace: Annotated[bool, Form()] = False,  # noqa: FBT002 - a hidden field
) -> Response:
    """A second device for a worker is asked about first."""
    own, attempt = person.organisation.id, Attempt(request, hub, person, PAGE, typed)

    def work(desk: "Desk") -> None:
        wearer = WorkerId(required("Worker", worker))
        enrolment.assign(desk, own, Address(address), wearer, person.by, replace=replace)

    try:
        return attempt.act(work, but=AlreadyWearsError)
    except AlreadyWearsError as asked:
        return attempt.show(409, question=asked)


@dataclass
class Change:
    """A form about one device."""

    request: Request
    hub: Hub
    person: Editor
    typed: Typed

    def do(self, address: str, work: "Callable[[Desk, OrganisationId, Address, str], object]") -> Response:
        """``work`` gets the desk, whose device it is, its address and who asks."""
        own, by = self.person.organisation.id, self.person.by
        attempt = Attempt(self.request, self.hub, self.person, PAGE, self.typed)
        return attempt.act(lambda desk: work(desk, own, Address(address), by))


Changing = Annotated[Change, Depends()]


@router.post("/{address}/unassign")
def unassign(change: Changing, address: str) -> Response:
    return change.do(address, enrolment.unassign)


@router.post("/{address}/swap")
def swap(change: Changing, address: str, new: Annotated[str, Form()] = "") -> Response:
    return change.do(
        address, lambda desk, own, old, by: enrolment.swap(desk, own, old, Address(required("Device", new)), by)
    )


@router.post("/{address}/withdraw")
def withdraw(change: Changing, address: str) -> Response:
    return change.do(address, enrolment.withdraw)


@router.post("/{address}/revoke")
def revoke(change: Changing, address: str) -> Response:
    return change.do(address, enrolment.revoke_device)


@router.post("/{address}/rekey")
def rekey(change: Changing, address: str) -> Response:
    return change.do(address, enrolment.rekey_device)
