"""What runs around the world: its time, the programs, their cables and clocks, scenarios, the way to the console."""

from typing import Annotated

import httpx
from fastapi import APIRouter, HTTPException
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from simulator.backstage import BackstageView, PartAct
from simulator.page.guard import FORM
from simulator.page.stage import Around, Here
from simulator.shared_time import FASTEST

router = APIRouter()


class Rate(BaseModel):
    """Virtual seconds per second; 0 = pause."""

    rate: Annotated[float, Field(ge=0, le=FASTEST)]


class Plug(BaseModel):
    """Whether a cable is in."""

    plugged_in: bool


class Clock(BaseModel):
    """How far a wall clock is ahead, in seconds; negative = behind."""

    step_s: Annotated[float, Field(ge=-2e9, le=2e9)]


@router.post("/time")
def change_time(stage: Here, wanted: Rate) -> Rate:
    stage.pacer.wish(wanted.rate)
    return Rate(rate=stage.pacer.wished)


@router.post("/mend")
def mend(stage: Here) -> None:
    """Everything as it was."""
    stage.mend()


@router.post("/parts/{name}/{act}")
def act(around: Around, name: str, act: PartAct) -> BackstageView:
    """A start is answered when the program is up."""
    around.act(name, act)
    return around.view()


@router.post("/gateways/{name}/cable")
def plug(around: Around, name: str, plug: Plug) -> BackstageView:
    around.plug(name, plugged_in=plug.plugged_in)
    return around.view()


@router.post("/gateways/{name}/clock")
def step_clock(around: Around, name: str, clock: Clock) -> BackstageView:
    around.step_clock(name, clock.step_s)
    return around.view()


@router.post("/scenarios/{name}", status_code=202)
def play(stage: Here, _around: Around, name: str) -> None:
    assert stage.playing is not None  # noqa: S101 - there is a stage wherever there are programs
    stage.playing.play(name)


@router.post(FORM)
def console(around: Around) -> Response:
    """To the console, signed in: browsers keep cookies by host, whatever the port."""
    try:
        cookies = around.sign_in()
    except httpx.HTTPError as failure:
        raise HTTPException(502, f"the hub does not answer: {failure}") from failure
    answer = RedirectResponse(f"{around.console_url}/", 303)
    for cookie in cookies:
        answer.headers.append("set-cookie", cookie)
    return answer
