"""The world itself: who is there, what is broken in it, its mail, its strangers."""

from enum import StrEnum

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from simulator import views
from simulator.mailbox import Mail
from simulator.page.stage import Here
from simulator.stranger import Stranger
from simulator.views import FaultsView, GatewayView, WorldView

router = APIRouter()


class Trick(StrEnum):
    """What a stranger may be up to."""

    REPLAY = "replay"
    FORGE = "forge"


class Victim(BaseModel):
    """Whose alarm a stranger speaks for."""

    victim: str


@router.get("/world")
def world(stage: Here) -> WorldView:
    return stage.world.ask(views.world_view)


@router.get("/gateways")
def gateways(stage: Here) -> list[GatewayView]:
    return stage.world.ask(views.gateway_views)


@router.post("/strangers/{name}/press", status_code=202)
def press_stranger(stage: Here, name: str) -> None:
    stage.world.do(lambda site: site.stranger(name).press())


@router.post("/strangers/{name}/{trick}", status_code=202)
def play_trick(stage: Here, name: str, trick: Trick, on: Victim) -> None:
    stage.world.ask(lambda site: site.person(on.victim))
    does = {Trick.REPLAY: Stranger.replay, Trick.FORGE: Stranger.forge}[trick]
    stage.world.do(lambda site: does(site.stranger(name), on.victim))


@router.get("/faults")
def faults(stage: Here) -> FaultsView:
    return stage.world.ask(views.faults_view)


@router.post("/faults")
def change_faults(stage: Here, wanted: FaultsView) -> FaultsView:
    """Change the faults that are named, leave the others."""
    change = wanted.model_dump(exclude_unset=True)
    stage.world.ask(lambda site: views.break_(site, views.faults_view(site).model_copy(update=change)))
    return stage.world.ask(views.faults_view)


@router.get("/mail")
def mails(stage: Here, since: int = 0) -> list[Mail]:
    """The newest first; only those after number ``since``."""
    return stage.world.ask(lambda site: [mail for mail in site.mailbox.mails() if mail.number > since])


@router.delete("/mail", status_code=204)
def clear_mails(stage: Here) -> None:
    stage.world.ask(lambda site: site.mailbox.clear())


@router.get("/mail/{number}")
def mail(stage: Here, number: int) -> Mail:
    found = stage.world.ask(lambda site: site.mailbox.mail(number))
    if found is None:
        raise HTTPException(404, f"no mail {number}")
    return found
