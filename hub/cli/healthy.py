"""``tocsin hub healthy``: what a container's health check asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final

import httpx
import typer

from hub.cli.common import Config, fail, settings
from hub.doctor.health import ask

if TYPE_CHECKING:
    from hub.settings import WebSettings

_EVERY_S: Final = 0.5


def healthy(
    config: Config = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds that it may take until it is well.")] = 0,
) -> None:
    """Ask the hub that runs here whether it is well; exit code 1 and what is wrong if it is not."""
    web = settings(config).web
    until = time.monotonic() + wait
    while (wrong := _trouble(web)) is not None:
        if time.monotonic() >= until:
            raise fail(wrong)
        time.sleep(_EVERY_S)
    typer.echo("The hub is well.")


def _trouble(web: WebSettings) -> str | None:
    try:
        answer = ask(web)
    except (httpx.HTTPError, OSError) as silent:
        return f"no answer: {silent}"
    return None if answer.is_success else answer.text
