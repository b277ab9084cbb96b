"""The command ``tocsin``.

Each program registers its sub-commands under the entry point group ``tocsin.commands``, so no program imports its
sibling. A program whose extra is not installed shows up as a command that says which extra it wants.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin import __version__
from tocsin.config_cli import config
from tocsin.doctor_cli import doctor

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "tocsin.commands"


def build(wanted: str | None = None) -> typer.Typer:
    """The command, assembled from what is installed.

    Args:
        wanted: the one sub-command that will be called; the others are not even imported. None = all.
    """
    app = typer.Typer(name="tocsin", no_args_is_help=True, help="Tocsin: an open lone-worker alarm system.")
    app.callback()(_version_option)
    app.add_typer(config, name="config")
    app.command()(doctor)
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    for name in [wanted] if wanted in found else sorted(found):
        _add(app, found[name])
    return app


def _version_option(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _add(app: typer.Typer, entry: EntryPoint) -> None:
    try:
        program = entry.load()
    except ModuleNotFoundError as missing:
        app.command(entry.name, help=f"(not installed: {missing.name})")(_missing(entry.name, str(missing.name)))
        return
    if isinstance(program, typer.Typer):
        app.add_typer(program, name=entry.name)
    else:
        app.command(entry.name)(program)


def _missing(command: str, module: str) -> Callable[[], None]:
    def explain() -> None:
        typer.secho(
            f"'tocsin {command}' needs the Python module '{module}', which is not installed here.\n"
            "Install the matching extra: pip install 'tocsin[device|gateway|hub|simulator]'.",
            fg="red",
            err=True,
        )
        raise typer.Exit(code=1)

    return explain


def main() -> None:
    build(sys.argv[1] if len(sys.argv) > 1 else None)()
