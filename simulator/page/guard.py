"""Who may press buttons: this page and programs on this machine, no page from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAFE: Final = frozenset({"GET", "HEAD"})
_OURS: Final = frozenset({"same-origin", "none"})
FORM: Final = "/console"
"""The one thing that is sent as a form: a browser that goes on to the console."""


class Guard:
    """Refuses what another site's page sends, and says with each answer that nothing comes from elsewhere.

    Args:
        app: behind it.
        console: URL of the console, where a form may lead; None = there is none.
    """

    def __init__(self, app: ASGIApp, *, console: str | None) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            f"connect-src 'self'; base-uri 'none'; form-action 'self' {console or ''}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wrong = None if scope["method"] in _SAFE else _refusal(scope["path"], Headers(scope=scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        app = self._app if wrong is None else wrong
        await app(scope, receive, with_headers)


def _refusal(path: str, headers: Headers) -> JSONResponse | None:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in _OURS:
        return JSONResponse({"detail": "this comes from another site"}, 403)
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return JSONResponse({"detail": "this comes from another site"}, 403)
    if path != FORM and not headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"detail": "send JSON"}, 415)
    return None
