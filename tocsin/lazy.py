"""Commands that are imported when they are called, not when they are listed: ``--help`` is quick, and so is each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Late:
    """A command that is not imported yet.

    Attributes:
        where: ``module:name`` of a function or a Typer.
        help: its first sentence, for the list of commands.
    """

    where: str
    help: str


def group(commands: Mapping[str, Late]) -> type[TyperGroup]:
    """A group of these commands, in this order: what ``typer.Typer(cls=...)`` wants."""

    class LateGroup(_LateGroup):
        late = commands

    return LateGroup


class _Listed(TyperCommand):
    """What the list of commands shows of one that is not imported."""

    def __init__(self, name: str, late: Late) -> None:
        super().__init__(name, help=late.help)
        self.where = late.where

    def load(self) -> Any:  # noqa: ANN401 - typer's own class of commands is private
        module, _, attribute = self.where.partition(":")
        try:
            program = getattr(import_module(module), attribute)
        except ModuleNotFoundError as missing:
            program = _explaining(str(self.name), str(missing.name))
        return _command(str(self.name), program)


def _explaining(command: str, module: str) -> Callable[[], None]:
    def explain() -> None:
        typer.secho(
            f"'{command}' needs the Python module '{module}', which is not installed here.\n"
            "Install this program, too: tools/install-locked DIRECTORY hub,gateway (or simulator).",
            fg="red",
            err=True,
        )
        raise typer.Exit(code=1)

    return explain


def _command(name: str, program: Any) -> Any:  # noqa: ANN401 - a Typer or any function; typer's class is private
    app = typer.Typer()
    if isinstance(program, typer.Typer):
        app.add_typer(program, name=name)
    else:
        app.command(name)(program)
    return get_group(app).commands[name]


class _LateGroup(TyperGroup):
    late: Mapping[str, Late]

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - as typer has it
        super().__init__(**given)
        listed = {name: _Listed(name, late) for name, late in self.late.items()}
        self.commands = {**listed, **self.commands}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as typer has it
        found = super().get_command(ctx, cmd_name)
        if isinstance(found, _Listed):
            found = self.commands[cmd_name] = found.load()
        return found

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as typer has it
        """As a group whose commands are only listed."""
        shown = TyperGroup(
            name=self.name,
            commands=dict(self.commands),
            rich_markup_mode=self.rich_markup_mode,
            params=self.params,
            help=self.help,
        )
        shown.format_help(ctx, formatter)
