"""For whoever looks after the hub: measurements, and whether it is well."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from hub.web.context import Hub
from hub.web.guard import PUBLIC, SCRAPER

router = APIRouter()


@router.get("/metrics", dependencies=[SCRAPER])
def metrics(hub: Hub) -> Response:
    """Prometheus text, of all organisations: for whoever runs the hub, with the token of ``web.metrics_token_file``."""
    return Response(hub.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/health", dependencies=[PUBLIC])
def health(hub: Hub) -> Response:
    """200 when all is well, 503 with what is wrong otherwise."""
    troubles = list(hub.troubles())
    return JSONResponse({"well": not troubles, "troubles": troubles}, 503 if troubles else 200)
