"""``tocsin config check``: say whether a settings file would be accepted, before a program is started with it."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import Annotated

import typer

from tocsin.settings import ProgramSettings, SettingsError, load, unreadable_files

GROUP = "tocsin.settings"

config = typer.Typer(no_args_is_help=True, help="Look at settings files.")


@config.callback()
def _group() -> None:
    """Look at settings files."""


@config.command()
def check(
    program: Annotated[str, typer.Argument(help="Whose settings: hub or gateway.")],
    path: Annotated[Path, typer.Argument(help="The TOML file.")],
) -> None:
    """Read a settings file as PROGRAM would, and the files that it names, and say what can't work."""
    try:
        _look(load(_settings_of(program), path), path)
    except SettingsError as wrong:
        typer.secho(str(wrong), fg="red", err=True)
        raise typer.Exit(code=1) from wrong
    typer.secho(f"{path}: a valid settings file of the {program}.", fg="green")


def _look(settings: ProgramSettings, path: Path) -> None:
    problems = [*unreadable_files(settings), *settings.contradictions()]
    if problems:
        raise SettingsError(str(path), problems)


def _settings_of(program: str) -> type[ProgramSettings]:
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if program not in known:
        raise SettingsError(program, [f"no such program; known are {', '.join(sorted(known))}"])
    settings: type[ProgramSettings] = known[program].load()
    return settings
