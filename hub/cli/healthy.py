"""``tocsin hub healthy``: what a container's health check asks."""

from __future__ import annotations

import httpx
import typer

from hub.cli.common import Config, fail, settings
from hub.doctor.health import ask


def healthy(config: Config = None) -> None:
    """Ask the hub that runs here whether it is well; exit code 1 and what is wrong if it is not."""
    web = settings(config).web
    try:
        answer = ask(web)
    except (httpx.HTTPError, OSError) as silent:
        raise fail(f"no answer: {silent}") from silent
    if not answer.is_success:
        raise fail(answer.text)
    typer.echo("The hub is well.")
