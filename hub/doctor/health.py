"""Asking the hub that runs on this machine how it is."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from hub.settings import WebSettings

_PATIENCE_S: Final = 4.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what it listens on, not what we do


def ask(web: WebSettings) -> httpx.Response:
    """What it says of its health.

    Raises:
        httpx.HTTPError, OSError: it does not answer.
    """
    return httpx.get(_url(web), verify=_trust(web), timeout=_PATIENCE_S)


def _url(web: WebSettings) -> str:
    scheme = "http" if web.tls_cert_file is None else "https"
    return f"{scheme}://{_EVERYWHERE.get(web.host, web.host)}:{web.port}/health"


def _trust(web: WebSettings) -> ssl.SSLContext | bool:
    """Its own certificate and no other, whatever name it is for."""
    if web.tls_cert_file is None:
        return True
    context = ssl.create_default_context(cafile=str(web.tls_cert_file))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
