"""The page itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.templating import Jinja2Templates

from simulator import pattern_css, playing, tour
from simulator.page.stage import Here  # noqa: TC001 - FastAPI reads it at run time
from simulator.whereabouts import JAMMER_M

if TYPE_CHECKING:
    from simulator.site import Site
    from simulator.world import Air, World

router = APIRouter()
_MARGIN_M: Final = 3.0
_SCALE_M: Final = 10
_TEMPLATES: Final = Jinja2Templates(Path(__file__).parent / "templates")
RATES: Final = (0, 1, 2, 10, 60)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan on paper: metres, north is up, so that y is turned round.

    Attributes:
        box: left, top, width and height.
        range_m: as far as a gateway hears over open ground.
    """

    box: tuple[float, float, float, float]
    range_m: float


@router.get("/", include_in_schema=False)
def page(request: Request, stage: Here) -> Response:
    world = stage.world.ask(_world)
    around = stage.around
    words = {
        "world": world,
        "plan": plan(world),
        "scale_m": _SCALE_M,
        "jammer_m": JAMMER_M,
        "rates": RATES,
        "around": around,
        "programs": ["hub", "broker"] if around else [],
        "lessons": _lessons(world) if around else [],
        "scenarios": playing.shipped() if around else {},
    }
    return _TEMPLATES.TemplateResponse(request, "page.html", words)


@router.get("/patterns.css", include_in_schema=False)
def stylesheet() -> Response:
    return Response(pattern_css.stylesheet(), media_type="text/css")


@router.get("/patterns.json", include_in_schema=False)
def patterns() -> JSONResponse:
    return JSONResponse(pattern_css.patterns())


def _world(site: Site) -> World:
    return site.world


def _lessons(world: World) -> list[tour.Lesson]:
    who = world.people[0].name.title() if world.people else "Somebody"
    return [tour.Lesson(lesson.do.format(who=who), lesson.see) for lesson in tour.LESSONS]


def plan(world: World) -> Plan:
    """Everything there is fits on it."""
    points = [place.at for place in world.places] + [end for wall in world.walls for end in (wall.start, wall.end)]
    xs, ys = [x for x, _ in points], [-y for _, y in points]
    left, top = min(xs) - _MARGIN_M, min(ys) - _MARGIN_M
    box = (left, top, max(xs) + _MARGIN_M - left, max(ys) + _MARGIN_M - top)
    return Plan(box, _range_m(world.air))


def _range_m(air: Air) -> float:
    return float(10 ** ((air.at_one_metre_dbm - air.sensitivity_dbm) / (10 * air.exponent)))
