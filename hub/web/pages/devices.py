"""Personal alarms: enrolled from what is printed on them, given to people, swapped, taken out of use."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from hub import labels as sheets
from hub.cases import enrolment
from hub.cases.enrolment import AlreadyThereError, EnrolmentError
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.fields import required
from hub.web.guard import acting, viewing
from hub.web.rights import Right
from protocols import labels
from protocols.ids import Address, AddressError, WorkerId
from protocols.labels import LabelError

if TYPE_CHECKING:
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


def _context(tx: "Tx", person: Person, **more: object) -> dict[str, Any]:
    context, names = frame.around(tx, person, "/devices")
    shown = enrolment.devices_shown(tx, person.organisation.id)
    free = [one for one in shown if one.worker is None and not one.device.revoked_at and not one.device.withdrawn_at]
    choices = [(worker.id, worker.name) for worker in names.workers.values()]
    lists = {"devices": shown, "free": free, "worker_choices": choices}
    return {**context, **lists, "made": None, "problem": "", "typed": {}, **more}


@router.post("")
def enrol(
    request: Request,
    hub: Hub,
    person: Editor,
    text: Annotated[str, Form(max_length=500)] = "",
    label: Annotated[str, Form(max_length=200)] = "",
    address: Annotated[str, Form(max_length=40)] = "",
    worker: Annotated[str, Form()] = "",
    anew: Annotated[bool, Form()] = False,  # noqa: FBT002 - a box in a form
) -> Response:
    """A mistake in a long code comes back beside it; the code itself does not, for it is a key."""
    try:
        given = Address(address.strip()) if address.strip() else None
        made = hub.act(lambda desk: _enrol(desk, person, text, label.strip(), given, worker, anew=anew))
    except (LabelError, EnrolmentError, AlreadyThereError, AddressError) as wrong:
        problem, typed = str(wrong), {"label": label, "address": address, "worker": worker}
        context = hub.store.read(lambda tx: _context(tx, person, problem=problem, typed=typed))
        return render.page(request, "devices.html", context, 422)
    return render.page(request, "devices.html", hub.store.read(lambda tx: _context(tx, person, made=made)))


def _enrol(
    desk: "Desk", person: Person, text: str, label: str, address: Address | None, worker: str, *, anew: bool
) -> "Device":
    own = person.organisation.id
    device = enrolment.enrol_device(desk, own, text, label, person.by, address=address, anew=anew)
    if worker:
        enrolment.assign(desk, own, device.address, WorkerId(worker), person.by)
    return device


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
def assign(hub: Hub, person: Editor, address: str, worker: Annotated[str, Form()] = "") -> Response:
    own, wearer = person.organisation.id, WorkerId(required("Worker", worker))
    hub.act(lambda desk: enrolment.assign(desk, own, Address(address), wearer, person.by))
    return _back()


@router.post("/{address}/unassign")
def unassign(hub: Hub, person: Editor, address: str) -> Response:
    hub.act(lambda desk: enrolment.unassign(desk, person.organisation.id, Address(address), person.by))
    return _back()


@router.post("/{address}/swap")
def swap(hub: Hub, person: Editor, address: str, new: Annotated[str, Form()] = "") -> Response:
    own, instead = person.organisation.id, Address(required("Device", new))
    hub.act(lambda desk: enrolment.swap(desk, own, Address(address), instead, person.by))
    return _back()


@router.post("/{address}/withdraw")
def withdraw(hub: Hub, person: Editor, address: str) -> Response:
    hub.act(lambda desk: enrolment.withdraw(desk, person.organisation.id, Address(address), person.by))
    return _back()


@router.post("/{address}/revoke")
def revoke(hub: Hub, person: Editor, address: str) -> Response:
    hub.act(lambda desk: enrolment.revoke_device(desk, person.organisation.id, Address(address), person.by))
    return _back()


@router.post("/{address}/rekey")
def rekey(hub: Hub, person: Editor, address: str) -> Response:
    hub.act(lambda desk: enrolment.rekey_device(desk, person.organisation.id, Address(address), person.by))
    return _back()


def _back() -> Response:
    return RedirectResponse("/devices", 303)
