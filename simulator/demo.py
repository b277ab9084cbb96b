"""``tocsin demo``: the whole chain on this machine, without hardware."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.domain.session import Risk
from simulator.deployment import Deployment, NotReadyError, Plan, log_session

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = Path(".tocsin/demo")
_LENGTH: Final = timedelta(hours=2)
_RISKS: Final = {"bob": Risk.HIGH}


def demo(
    folder: Annotated[Path, typer.Option(help="Made anew at each start.")] = FOLDER,
    port: Annotated[int, typer.Option(help="Of the console; 0 = any free one.")] = 8080,
) -> None:
    """Start hub, broker, two gateways and a simulated site with three workers; end with Ctrl-C."""
    if folder.exists():
        shutil.rmtree(folder)
    world = Path(str(files("simulator") / "worlds" / "demo.toml"))
    plan = Plan(folder.absolute(), world, password=secrets.token_hex(4), web_port=port)
    typer.echo("Starting broker, hub, simulated site and two gateways ...")
    with _running(plan) as deployment:
        _log_sessions(deployment)
        _introduce(deployment)
        _wait_for_the_end()
        typer.echo("Stopping ...")


@contextlib.contextmanager
def _running(plan: Plan) -> Iterator[Deployment]:
    deployment = Deployment(plan)
    try:
        deployment.start()
        yield deployment
    except NotReadyError as failure:
        typer.secho(str(failure), fg="red", err=True)
        raise typer.Exit(code=1) from failure
    finally:
        deployment.stop()


def _log_sessions(deployment: Deployment) -> None:
    store = deployment.open_store()
    for person in deployment.world.people:
        log_session(store, person.name, person.place, _RISKS.get(person.name, Risk.NORMAL), _LENGTH)
    store.close()


def _introduce(deployment: Deployment) -> None:
    first = deployment.world.people[0].name
    typer.secho(f"\n  Supervisor's console   {deployment.url}", fg="green", bold=True)
    typer.secho(f"  Sign in with           admin / {deployment.plan.password}", fg="green", bold=True)
    typer.echo(f"\n  Alarms and mailbox     {deployment.ports.api}   (press the alarms here, read the e-mail)")
    typer.echo(f"  From a second shell    {_command(deployment)} simulate hold {first}")
    typer.echo(f"  Logs, database, keys   {deployment.plan.folder}\n")
    typer.echo("  Hold Alice's button, take the alarm on the console, and watch her LED.   Ctrl-C ends it.\n")


def _command(deployment: Deployment) -> str:
    state = deployment.state
    with contextlib.suppress(ValueError):
        state = state.relative_to(Path.cwd())
    return f"TOCSIN_SITE={state} .venv/bin/tocsin"


def _wait_for_the_end() -> None:
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    signal.sigwait(signals)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
