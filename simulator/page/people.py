"""What people do with their alarms, and what happens to them."""

from fastapi import APIRouter
from pydantic import BaseModel

from simulator import views
from simulator.actions import Action
from simulator.doing import DO
from simulator.page.stage import Here
from simulator.views import Battery, PersonView, Spot, Walk

router = APIRouter(prefix="/people")


class Pressed(BaseModel):
    """Whether a finger is on the button."""

    pressed: bool


class Range(BaseModel):
    """Whether nobody hears them, and they hear nobody."""

    out: bool


def _view(stage: Here, name: str) -> PersonView:
    return stage.world.ask(lambda site: views.person_view(site, name))


@router.get("")
def people(stage: Here) -> list[PersonView]:
    return stage.world.ask(lambda site: [views.person_view(site, name) for name in site.people])


@router.get("/{name}")
def person(stage: Here, name: str) -> PersonView:
    return _view(stage, name)


@router.post("/{name}/button")
def button(stage: Here, name: str, finger: Pressed) -> PersonView:
    """Down or up, for as long as it takes: what the gesture means is the device's to judge."""
    stage.button(name, pressed=finger.pressed)
    return _view(stage, name)


@router.post("/{name}/battery")
def battery(stage: Here, name: str, level: Battery) -> PersonView:
    stage.world.ask(lambda site: site.person(name).charge_to(level.percent))
    return _view(stage, name)


@router.post("/{name}/walk")
def walk(stage: Here, name: str, walk_to: Walk) -> PersonView:
    stage.world.ask(lambda site: site.where.send(name, walk_to.place))
    return _view(stage, name)


@router.post("/{name}/put")
def put(stage: Here, name: str, spot: Spot) -> PersonView:
    """Be there at once."""
    stage.world.ask(lambda site: site.where.put(name, spot.at))
    return _view(stage, name)


@router.post("/{name}/range")
def change_range(stage: Here, name: str, wanted: Range) -> PersonView:
    stage.world.ask(lambda site: site.set_range(name, out=wanted.out))
    return _view(stage, name)


@router.post("/{name}/{action}", status_code=202)
def act(stage: Here, name: str, action: Action) -> PersonView:
    """Have it done; the answer does not wait for the end of it."""
    stage.world.do(lambda site: DO[action](site.person(name)))
    return _view(stage, name)
