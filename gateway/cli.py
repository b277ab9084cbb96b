"""``tocsin gateway``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import Annotated

import typer

from gateway.settings import GatewaySettings
from tocsin.settings import SettingsError, load

app = typer.Typer(no_args_is_help=True, help="Hear devices and carry their alarms to the hub.")


@app.callback()
def _group() -> None:
    """Hear devices and carry their alarms to the hub."""


@app.command()
def run(
    config: Annotated[Path | None, typer.Option("--config", help="The TOML file; without it, the environment.")] = None,
) -> None:
    """Run until told to stop."""
    from gateway.app import run as run_gateway
    from gateway.outbox import OutboxBusyError

    try:
        run_gateway(load(GatewaySettings, config))
    except (SettingsError, OutboxBusyError) as wrong:
        typer.secho(str(wrong), fg="red", err=True)
        raise typer.Exit(code=1) from wrong
