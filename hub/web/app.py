"""The web application, put together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from hub.web import guard, problems, render
from hub.web.api import accounts, devices, directory, gateway, gateways, models
from hub.web.api import faults as api_faults
from hub.web.api import incidents as api_incidents
from hub.web.api import me as api_me
from hub.web.api import sessions as api_sessions
from hub.web.headers import SafeHeaders
from hub.web.knocking import Knocks
from hub.web.pages import (
    board,
    entrance,
    faults,
    incidents,
    journal,
    live,
    me,
    myself,
    people,
    places,
    sessions,
    settings,
    tokens,
    upkeep,
)
from hub.web.pages import devices as device_pages
from hub.web.pages import gateways as gateway_pages
from hub.web.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.web.context import Console

MAX_BODY: Final = 64 * 1024
"""Bytes; nothing that people or programs send here is longer."""
THREADS: Final = 120
PAGES: Final = (
    board,
    device_pages,
    entrance,
    faults,
    gateway_pages,
    incidents,
    journal,
    live,
    me,
    myself,
    people,
    places,
    sessions,
    settings,
    tokens,
    upkeep,
)
_ABOUT: Final = """
Everything a supervisor's console can do, for programs. Sign in with HTTP Basic: the account's name
(`organisation/account` where several organisations have an account of that name) and its password.
A browser that is signed in may use its cookie and must then send `X-CSRF-Token` with anything but GET.
Errors are `application/problem+json` (RFC 9457).
"""


def build(console: Console) -> FastAPI:
    """The application: the console under ``/``, REST under ``/api/v1``, its description at ``/api/openapi.json``."""
    app = FastAPI(
        title="Tocsin hub",
        version=console.version,
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY,
        lifespan=_with_threads,
        dependencies=[Depends(guard.same_origin)],
    )
    equip(app, console)
    app.add_middleware(SafeHeaders, https=console.secure_cookies)
    problems.install(app)
    app.include_router(_api())
    for module in PAGES:
        app.include_router(module.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=render.STATIC), name="static")
    return app


@asynccontextmanager
async def _with_threads(_app: FastAPI) -> AsyncIterator[None]:
    """More than can wait for a password to be looked at (:mod:`hub.web.throttle`)."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def equip(app: FastAPI, console: Console) -> None:
    """Give the application what its requests look up, with nothing remembered of earlier ones."""
    app.state.console = console
    app.state.throttle = Throttle()
    app.state.knocks = Knocks()


def _api() -> APIRouter:
    problem: dict[str, Any] = {"model": models.Problem, "content": {"application/problem+json": {}}}
    responses: dict[int | str, dict[str, Any]] = {
        401: {**problem, "description": "Not signed in"},
        403: {**problem, "description": "Not the right to do this"},
        404: {**problem, "description": "Not in this organisation"},
        409: {**problem, "description": "Not possible now"},
        422: {**problem, "description": "Not right"},
        503: {**problem, "description": "The database is not available"},
    }
    router = APIRouter(prefix="/api/v1", responses=responses)
    for module in (api_incidents, api_sessions, api_faults, directory, devices, gateways, accounts, api_me, gateway):
        router.include_router(module.router)
    return router
