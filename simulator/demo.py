"""``tocsin demo``: the whole chain on this machine, without hardware."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
import webbrowser
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from simulator.deployment import Deployment, Plan
from simulator.part import NotReadyError
from simulator.serving import signalled
from tocsin.log import configure
from tocsin.settings import LogSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = Path(".tocsin/demo")
_LENGTH: Final = timedelta(hours=2)


def demo(
    folder: Annotated[Path, typer.Option(help="Made anew at each start.")] = FOLDER,
    port: Annotated[int, typer.Option(help="Of the page of the world; 0 = any free one.")] = 8080,
    console_port: Annotated[int, typer.Option(help="Of the supervisor's console; 0 = any free one.")] = 8081,
    *,
    browser: Annotated[bool, typer.Option(help="Open the page, if there is a display.")] = True,
) -> None:
    """Start hub, broker, two gateways and a simulated world with three workers; end with Ctrl-C."""
    if folder.exists():
        shutil.rmtree(folder)
    world = Path(str(files("simulator") / "worlds" / "demo.toml"))
    password = secrets.token_hex(4)
    plan = Plan(folder.absolute(), world, password, web_port=console_port, page_port=port, sessions=_LENGTH)
    typer.echo("Starting broker, hub, simulated world and two gateways ...")
    with _logging_to(folder / "world.log"), signalled() as wait, _running(plan) as deployment:
        _introduce(deployment)
        if browser and _has_display():
            webbrowser.open(deployment.ports.api)
        wait()
        typer.echo("Stopping ...")


@contextlib.contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """What world, page and mailbox log stands beside the logs of the other programs; the terminal is for people."""
    file.parent.mkdir(parents=True)
    with file.open("a", encoding="utf-8") as out:
        configure(LogSettings(), out)
        try:
            yield
        finally:
            configure(LogSettings())


@contextlib.contextmanager
def _running(plan: Plan) -> Iterator[Deployment]:
    deployment = Deployment(plan)
    try:
        deployment.start()
        yield deployment
    except NotReadyError as failure:
        _fail(str(failure))
    except OSError as failure:
        if failure.errno != errno.EADDRINUSE:
            raise
        _fail(f"port {plan.page_port} is taken: choose another one with --port")
    finally:
        deployment.stop()


def _fail(message: str) -> NoReturn:
    typer.secho(message, fg="red", err=True)
    raise typer.Exit(code=1)


def _has_display() -> bool:
    return sys.platform == "darwin" or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _introduce(deployment: Deployment) -> None:
    first = deployment.world.people[0].name
    typer.secho(f"\n  Open this      {deployment.ports.api}", fg="green", bold=True)
    typer.echo("                 A small world: press the alarms, break things. It leads to the console.\n")
    typer.echo(f"  Console        {deployment.url}   sign in: admin / {deployment.plan.password}")
    typer.echo(f"  A second shell {_command(deployment)} simulate hold {first}")
    typer.echo(f"  Logs and keys  {deployment.plan.folder}\n")
    typer.echo("  Both pages answer to this machine only. Ctrl-C ends it.\n")


def _command(deployment: Deployment) -> str:
    state = deployment.state
    with contextlib.suppress(ValueError):
        state = state.relative_to(Path.cwd())
    return f"TOCSIN_SITE={state} .venv/bin/tocsin"
