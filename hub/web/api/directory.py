"""What an organisation has: workers, places, devices."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter

from hub.cases import enrolment
from hub.store import devices, directory, presence
from hub.store.directory import Place, Worker
from hub.web.accounts import Person
from hub.web.api.models import Assignment, DeviceOut, NewDevice, NewPlace, NewWorker, PlaceOut, WorkerOut
from hub.web.context import Hub
from hub.web.guard import calling
from hub.web.rights import Right
from protocols.ids import Address, OrganisationId, PlaceId, WorkerId

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.store import Tx

router = APIRouter(tags=["directory"])

Reader = Annotated[Person, calling(Right.DIRECTORY_SEE)]
Editor = Annotated[Person, calling(Right.DIRECTORY_EDIT)]


@router.get("/workers")
def list_workers(hub: Hub, person: Reader) -> list[WorkerOut]:
    found = hub.store.read(lambda tx: directory.all_workers(tx, person.organisation.id))
    return [WorkerOut.model_validate(worker) for worker in found]


@router.post("/workers", status_code=201)
def add_worker(hub: Hub, person: Editor, new: NewWorker) -> WorkerOut:
    return WorkerOut.model_validate(hub.act(lambda desk: _add_worker(desk, person.organisation.id, new, person.by)))


def _add_worker(desk: "Desk", organisation: OrganisationId, new: NewWorker, by: str) -> Worker:
    number = WorkerId(new.id or desk.tx.new_id())
    worker = Worker(organisation, number, new.name, new.email, new.phone, new.supervisor)
    enrolment.add_worker(desk, worker, by)
    return worker


@router.get("/places")
def list_places(hub: Hub, person: Reader) -> list[PlaceOut]:
    found = hub.store.read(lambda tx: directory.all_places(tx, person.organisation.id))
    return [PlaceOut.model_validate(place) for place in found]


@router.post("/places", status_code=201)
def add_place(hub: Hub, person: Editor, new: NewPlace) -> PlaceOut:
    return PlaceOut.model_validate(hub.act(lambda desk: _add_place(desk, person.organisation.id, new, person.by)))


def _add_place(desk: "Desk", organisation: OrganisationId, new: NewPlace, by: str) -> Place:
    place = place_of(desk, organisation, new)
    enrolment.add_place(desk, place, by)
    return place


def place_of(desk: "Desk", organisation: OrganisationId, new: NewPlace) -> Place:
    """A new place with its id."""
    number = PlaceId(new.id or desk.tx.new_id())
    return Place(organisation, number, new.name, new.address, new.latitude, new.longitude)


@router.get("/devices")
def list_devices(hub: Hub, person: Reader) -> list[DeviceOut]:
    """With who wears them and when they were last heard."""
    return hub.store.read(lambda tx: _devices(tx, person.organisation.id))


def _devices(tx: "Tx", organisation: OrganisationId) -> list[DeviceOut]:
    worn, heard = devices.wearers(tx, organisation), presence.of_devices(tx, organisation)
    shown = []
    for device in devices.listed(tx, organisation):
        last = heard.get(device.address)
        seen = {} if last is None else {"heard_at": last.heard_at, "battery": last.battery, "gateway": last.gateway}
        shown.append(DeviceOut.model_validate(device).model_copy(update={"worker": worn.get(device.address), **seen}))
    return shown


@router.post("/devices", status_code=201)
def add_device(hub: Hub, person: Editor, new: NewDevice) -> DeviceOut:
    own, address = person.organisation.id, Address(new.address)
    device = hub.act(lambda desk: enrolment.enrol_device(desk, own, new.key, new.label, person.by, address=address))
    return DeviceOut.model_validate(device)


@router.post("/devices/{address}/assign", status_code=204)
def assign_device(hub: Hub, person: Editor, address: str, to: Assignment) -> None:
    """From now on this worker, and nobody else, wears it. 409 if they wear another one, and this is not ``replace``."""
    own, device, worker = person.organisation.id, Address(address), WorkerId(to.worker)
    hub.act(lambda desk: enrolment.assign(desk, own, device, worker, person.by, replace=to.replace))
