"""``tocsin gateway``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.enrolment.errors import FileError
from gateway.settings import DATA_DIR, GatewaySettings, Place
from protocols.codes import CodeError
from tocsin.settings import LogSettings, SettingsError, load

app = typer.Typer(no_args_is_help=True, help="Hear devices and carry their alarms to the hub.")


panel = typer.Typer(no_args_is_help=True, help="The lamps and the button on its wall.")
app.add_typer(panel, name="panel")


@panel.callback()
def _panel() -> None:
    """The lamps and the button on its wall."""


@app.callback()
def _group() -> None:
    """Hear devices and carry their alarms to the hub."""


SETTINGS_FILE = Path("/etc/tocsin/gateway.toml")
Config = Annotated[
    Path | None,
    typer.Option("--config", help=f"The TOML file; {SETTINGS_FILE} if there is one."),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help=f"Where its files are; {DATA_DIR} unless the settings say otherwise.")
]


@app.command()
def run(config: Config = None, data_dir: DataDir = None) -> None:
    """Run until told to stop. A gateway that is enrolled needs no settings file."""
    from gateway.app import run as run_gateway
    from gateway.outbox import OutboxBusyError

    given = {} if data_dir is None else {"data_dir": data_dir}
    try:
        run_gateway(load(GatewaySettings, _file(config), **given))
    except (SettingsError, FileError, OutboxBusyError) as wrong:
        _fail(wrong)


@app.command()
def enroll(
    hub: Annotated[str, typer.Argument(metavar="HUB", help="The hub's address: https://...")],
    code: Annotated[str, typer.Option("--code", prompt="Code", help="As the hub shows it.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Make this machine one of an organisation's gateways, with a code from the hub. May be repeated."""
    from gateway.enrolment.enrol import enrol
    from gateway.enrolment.errors import EnrolmentError
    from gateway.enrolment.files import Files
    from tocsin.log import configure

    configure(LogSettings(level="error"))
    try:
        files = Files(data_dir or load(Place, _file(config)).data_dir)
        enrol(hub, code, files, typer.echo)
    except (SettingsError, CodeError, EnrolmentError) as wrong:
        _fail(wrong)
    typer.secho(f"Enrolled; what it needs is in {files.directory}.", fg="green")
    typer.echo("Next: start it, with 'systemctl enable --now tocsin-gateway' or 'tocsin gateway run'.")
    typer.echo("Then press a personal alarm near it, and look at the hub's page.")


@app.command()
def doctor(
    config: Config = None,
    data_dir: DataDir = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="For monitoring.")] = False,
) -> None:
    """Look everything over, and say what to do. Exit code 0: all well, 1: needs care, 2: broken."""
    from gateway.doctor import checks
    from tocsin.doctor import report

    try:
        found = checks(_file(config), data_dir)
    except (SettingsError, FileError) as wrong:
        _fail(wrong)
    report(found, json_=json)


@panel.command("test")
def panel_test(config: Config = None, data_dir: DataDir = None) -> None:
    """Test the button: for two minutes the next hold is a test, which proves the way to the hub and pages nobody."""
    from gateway.panel import door

    try:
        door.ask(data_dir or load(Place, _file(config)).data_dir)
    except (SettingsError, door.RefusedError) as wrong:
        _fail(wrong)
    typer.echo("All three lamps blink for two minutes. Hold the button now, once: a second hold is an alarm.")


def _file(given: Path | None) -> Path | None:
    return SETTINGS_FILE if given is None and SETTINGS_FILE.exists() else given


def _fail(wrong: Exception) -> NoReturn:
    typer.secho(str(wrong), fg="red", err=True)
    raise typer.Exit(code=1) from wrong
