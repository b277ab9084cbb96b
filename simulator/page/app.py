"""The page of a world, and the API that it uses.

Nothing in a simulated world is secret, so there is no sign-in. A page from elsewhere in the same browser is kept out by
the host name, by what the browser says of who asks, and by asking for JSON on everything that changes something.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from simulator.page import around, entrance, live, people, world
from simulator.page.guard import Guard
from simulator.part import NotReadyError
from simulator.playing import BusyStageError
from simulator.world import UnknownNameError

if TYPE_CHECKING:
    from fastapi import Request

    from simulator.stage import Stage

_STATIC: Final = Path(__file__).parent / "static"
_HOSTS: Final = ["127.0.0.1", "localhost", "[::1]"]


def create(stage: Stage) -> FastAPI:
    """The application around a world that is open."""
    app = FastAPI(title="Tocsin simulator", docs_url=None, redoc_url=None)
    app.state.stage = stage
    app.state.live = live.Live(stage)
    app.add_middleware(Guard, console=None if stage.around is None else stage.around.console_url)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)
    app.exception_handler(UnknownNameError)(_unknown)
    app.exception_handler(NotReadyError)(_conflict)
    app.exception_handler(BusyStageError)(_conflict)
    for module in (entrance, live, world, around, people):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=_STATIC))
    return app


async def _unknown(_request: Request, unknown: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(unknown)}, status_code=404)


async def _conflict(_request: Request, conflict: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(conflict)}, status_code=409)
