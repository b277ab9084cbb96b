"""Personal alarms: enrolled from their label, pooled, swapped, taken out of use."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from hub.cases import enrolment
from hub.web.accounts import Person
from hub.web.api.models import DeviceOut, Sent
from hub.web.context import Hub
from hub.web.guard import calling
from hub.web.rights import Right
from protocols.ids import Address

router = APIRouter(prefix="/devices", tags=["directory"])

Editor = Annotated[Person, calling(Right.DIRECTORY_EDIT)]


class NewLabel(Sent):
    """What is printed on a device: the QR code's text, or the typed code. ``anew``: known, with another key now."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    label: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    anew: bool = False


class Swap(Sent):
    """Which device is worn instead."""

    new: str


@router.post("/enrol", status_code=201)
def enrol_device(hub: Hub, person: Editor, new: NewLabel) -> DeviceOut:
    """A personal alarm, from its label."""
    own = person.organisation.id
    device = hub.act(lambda desk: enrolment.enrol_device(desk, own, new.text, new.label, person.by, anew=new.anew))
    return DeviceOut.model_validate(device)


@router.post("/{address}/unassign", status_code=204)
def unassign_device(hub: Hub, person: Editor, address: str) -> None:
    """From now on nobody wears it."""
    hub.act(lambda desk: enrolment.unassign(desk, person.organisation.id, Address(address), person.by))


@router.post("/{address}/swap", status_code=204)
def swap_device(hub: Hub, person: Editor, address: str, to: Swap) -> None:
    """Whoever wears it wears another one from now on."""
    own, old, new = person.organisation.id, Address(address), Address(to.new)
    hub.act(lambda desk: enrolment.swap(desk, own, old, new, person.by))


@router.post("/{address}/withdraw", status_code=204)
def withdraw_device(hub: Hub, person: Editor, address: str) -> None:
    """Out of use. Should somebody press it, it still pages."""
    hub.act(lambda desk: enrolment.withdraw(desk, person.organisation.id, Address(address), person.by))


@router.post("/{address}/revoke", status_code=204)
def revoke_device(hub: Hub, person: Editor, address: str) -> None:
    """Lost: nothing it says is believed any more. An alarm from it still pages, marked."""
    hub.act(lambda desk: enrolment.revoke_device(desk, person.organisation.id, Address(address), person.by))


@router.post("/{address}/rekey", status_code=204)
def rekey_device(hub: Hub, person: Editor, address: str) -> None:
    """It takes a new working key when it is next heard."""
    hub.act(lambda desk: enrolment.rekey_device(desk, person.organisation.id, Address(address), person.by))
