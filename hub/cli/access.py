"""``tocsin hub access``: what a broker and a hub need to trust each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hub.broker import seed
from hub.cli.common import fail

access = typer.Typer(no_args_is_help=True, help="The broker's access list.")
_HERE = Path("access")


@access.callback()
def _group() -> None:
    """Commands of the access list."""


@access.command()
def init(folder: Annotated[Path, typer.Option("--dir", help="Where the files are.")] = _HERE,
         *, if_missing: Annotated[bool, typer.Option("--if-missing", help="Leave what is there.")] = False,
         ) -> None:  # fmt: skip
    """Make the hub's passwords at the broker, and seed.json with which the broker begins. See deploy/mosquitto."""
    try:
        make(folder, if_missing=if_missing)
    except FileExistsError as there:
        raise fail(f"{there.filename} is there already") from there
    except OSError as wrong:
        raise fail(str(wrong)) from wrong
    typer.echo(f"{folder}: admin.password and hub.password for the hub, seed.json for the broker")


def make(folder: Path, *, if_missing: bool) -> None:
    """The files. The seed comes last: without it nothing begins.

    Raises:
        FileExistsError: one is there already, and this is not ``if_missing``.
        OSError: one can't be written.
    """
    if if_missing and (folder / "seed.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    password = seed.new_password()
    _write(folder / "admin.password", password, replace=if_missing)
    _write(folder / "hub.password", seed.new_password(), replace=if_missing)
    _write(folder / "seed.json", seed.document(password), replace=if_missing)


def _write(path: Path, text: str, *, replace: bool) -> None:
    kind = os.O_TRUNC if replace else os.O_EXCL
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | kind, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
