"""Whether words are a command that ``tocsin`` has."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

from tocsin.cli import build


class NoSuchCommandError(Exception):
    """Words that are no command of ours."""


def parses(words: list[str]) -> bool:
    """Walk down the real command, and have the options parsed; nothing is called."""
    command, rest = typer.main.get_command(build()), list(words)
    while isinstance(command, TyperGroup):
        context = command.make_context(command.name, [], resilient_parsing=True)
        found = command.get_command(context, rest.pop(0))
        if found is None:
            raise NoSuchCommandError(" ".join(words))
        command = found
    command.make_context(command.name, rest)
    return True
