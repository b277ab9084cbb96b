"""Templates: escaped always, and a name that does not exist is an error, not an empty place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.templating import Jinja2Templates

from hub.web.rights import Right

if TYPE_CHECKING:
    from fastapi import Request
    from fastapi.responses import Response

STATIC: Final = Path(__file__).parent / "static"
PAGES: Final = (
    (Right.ALARMS_SEE, "/", "Alarms"),
    (Right.DIRECTORY_SEE, "/people", "People"),
    (Right.DIRECTORY_SEE, "/places", "Places"),
    (Right.DIRECTORY_SEE, "/devices", "Devices"),
    (Right.DIRECTORY_SEE, "/gateways", "Gateways"),
    (Right.JOURNAL_SEE, "/journal", "Journal"),
    (Right.TOKENS_EDIT, "/tokens", "Tokens"),
    (Right.SETTINGS_EDIT, "/settings", "Settings"),
)
"""What there is to go to, for whom."""
_TEMPLATES: Final = Jinja2Templates(
    env=Environment(
        loader=PackageLoader("hub.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
)


def page(
    request: Request, name: str, context: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """One page. Every template may read ``me`` (None when nobody is signed in) and ``version``."""
    values = {"me": None, "version": request.app.version, "board": None, "pages": PAGES, "mistake": None, **context}
    return _TEMPLATES.TemplateResponse(request, name, values, status, headers)
