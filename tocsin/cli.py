"""The command ``tocsin``.

Each program registers its sub-commands under the entry point group ``tocsin.commands``, so no program imports its
sibling, and nothing is imported before it is called. A program whose extra is not installed says so when it is called.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated, Final

import typer

from tocsin.lazy import Late, group

GROUP = "tocsin.commands"
_OWN: Final = {
    "config": Late("tocsin.config_cli:config", "Look at settings files."),
    "doctor": Late("tocsin.doctor_cli:doctor", "Look over what is set up here, hub or gateway."),
}
_SAID: Final = {
    "hub": "The hub: records, matches, escalates, shows.",
    "gateway": "Hear devices and carry their alarms to the hub.",
    "journal": "The append-only, hash-chained journal.",
    "device": "The personal alarm's own program.",
    "simulate": "Run a simulated site, and make things happen in it.",
    "demo": "Start hub, broker, two gateways and a simulated world with three workers.",
}
"""What the list of commands says of programs, so that it need import none of them."""


def build() -> typer.Typer:
    """The command, assembled from the programs that are there."""
    found = {entry.name: Late(entry.value, _SAID.get(entry.name, "")) for entry in entry_points(group=GROUP)}
    app = typer.Typer(
        name="tocsin",
        cls=group(dict(sorted({**_OWN, **found}.items()))),
        no_args_is_help=True,
        help="Tocsin: an open lone-worker alarm system.",
    )
    app.callback()(_options)
    return app


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        from tocsin import __version__

        typer.echo(__version__)
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """Tocsin: an open lone-worker alarm system."""


def main() -> None:
    build()()
