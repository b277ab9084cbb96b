"""``tocsin hub healthy``: what a container's health check asks."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import httpx
import typer

from hub.cli.common import Config, fail, settings

if TYPE_CHECKING:
    from hub.settings import WebSettings

_PATIENCE_S: Final = 4.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what it listens on, not what we do


def healthy(config: Config = None) -> None:
    """Ask the hub that runs here whether it is well; exit code 1 and what is wrong if it is not."""
    web = settings(config).web
    try:
        answer = httpx.get(_url(web), verify=_trust(web), timeout=_PATIENCE_S)
    except (httpx.HTTPError, OSError) as silent:
        raise fail(f"no answer: {silent}") from silent
    if not answer.is_success:
        raise fail(answer.text)
    typer.echo("The hub is well.")


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
