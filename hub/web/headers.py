"""What every answer says to the browser: nothing from elsewhere, nothing inline, no frames, nothing kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP: Final = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_ALWAYS: Final = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SafeHeaders:
    """Adds them to every answer, streams included."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lasting = scope["path"].startswith("/static/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_to(MutableHeaders(scope=message), lasting=lasting, https=self._https)
            await send(message)

        await self._app(scope, receive, with_headers)


def add_to(headers: MutableHeaders, *, lasting: bool = False, https: bool = False) -> None:
    """The headers themselves; ``lasting`` is for what holds nothing personal."""
    headers.update(_ALWAYS)
    headers["Cache-Control"] = "public, max-age=3600" if lasting else "no-store"
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
