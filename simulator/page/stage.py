"""What the routes ask for."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from simulator.backstage import Backstage
from simulator.stage import Stage


def _stage(request: Request) -> Stage:
    stage: Stage = request.app.state.stage
    return stage


Here = Annotated[Stage, Depends(_stage)]


def _around(stage: Here) -> Backstage:
    if stage.around is None:
        raise HTTPException(404, "no programs run around this world; 'tocsin demo' starts some")
    return stage.around


Around = Annotated[Backstage, Depends(_around)]
