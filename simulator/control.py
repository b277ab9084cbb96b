"""The control API of a site, on loopback, and its page.

Nothing in a simulated world is secret, so there is no sign-in. A foreign page in the same browser is kept out by the
host name, and by asking for JSON on everything that changes something.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from simulator import views
from simulator.actions import Action  # noqa: TC001 - FastAPI reads it at run time
from simulator.doing import DO
from simulator.mailbox import Mail  # noqa: TC001 - FastAPI reads it at run time
from simulator.pattern_css import stylesheet
from simulator.site import Site
from simulator.views import (  # noqa: TC001 - FastAPI reads them at run time
    Battery,
    FaultsView,
    GatewayView,
    PersonView,
    Walk,
    WorldView,
)
from simulator.world import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_STATIC: Final = Path(__file__).parent / "static"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter()


def create(site: Site) -> FastAPI:
    """The application around a site that is open."""
    app = FastAPI(title="Tocsin simulator", docs_url=None, redoc_url=None)
    app.state.site = site
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
    app.middleware("http")(_guarded)
    app.exception_handler(UnknownNameError)(_unknown)
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=_STATIC))
    return app


async def _guarded(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    changes = request.method not in {"GET", "HEAD"}
    if changes and not request.headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"detail": "send JSON"}, status_code=415)
    response = await go_on(request)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


async def _unknown(_request: Request, unknown: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(unknown)}, status_code=404)


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


Here = Annotated[Site, Depends(_site)]


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(_STATIC / "site.html")


@router.get("/patterns.css", include_in_schema=False)
async def patterns() -> Response:
    return Response(stylesheet(), media_type="text/css")


@router.get("/world")
async def world(site: Here) -> WorldView:
    return views.world_view(site)


@router.get("/gateways")
async def gateways(site: Here) -> list[GatewayView]:
    return views.gateway_views(site)


@router.get("/people")
async def people(site: Here) -> list[PersonView]:
    return [views.person_view(site, name) for name in site.people]


@router.get("/people/{name}")
async def person(site: Here, name: str) -> PersonView:
    return views.person_view(site, name)


@router.post("/people/{name}/battery")
async def battery(site: Here, name: str, level: Battery) -> PersonView:
    site.person(name).charge_to(level.percent)
    return views.person_view(site, name)


@router.post("/people/{name}/walk")
async def walk(site: Here, name: str, walk_to: Walk) -> PersonView:
    site.where.send(name, walk_to.place)
    return views.person_view(site, name)


@router.post("/people/{name}/{action}", status_code=202)
async def act(site: Here, name: str, action: Action) -> PersonView:
    """Have it done; the answer does not wait for the end of it."""
    site.do(DO[action](site.person(name)))
    return views.person_view(site, name)


@router.post("/strangers/{name}/press", status_code=202)
async def press_stranger(site: Here, name: str) -> None:
    site.do(site.stranger(name).press())


@router.get("/faults")
async def faults(site: Here) -> FaultsView:
    return views.faults_view(site)


@router.post("/faults")
async def change_faults(site: Here, wanted: FaultsView) -> FaultsView:
    """Change the faults that are named, leave the others."""
    views.break_(site, views.faults_view(site).model_copy(update=wanted.model_dump(exclude_unset=True)))
    return views.faults_view(site)


@router.get("/mail")
async def mails(site: Here, since: int = 0) -> list[Mail]:
    """The newest first; only those after number ``since``."""
    return [mail for mail in site.mailbox.mails() if mail.number > since]


@router.delete("/mail", status_code=204)
async def clear_mails(site: Here) -> None:
    site.mailbox.clear()


@router.get("/mail/{number}")
async def mail(site: Here, number: int) -> Mail:
    found = site.mailbox.mail(number)
    if found is None:
        raise HTTPException(404, f"no mail {number}")
    return found
