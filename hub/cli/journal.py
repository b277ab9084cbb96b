"""``tocsin journal``: is it whole, and what does it say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from hub.cli.common import Config, Organisation, chosen, opened

if TYPE_CHECKING:
    from hub.store.journal import Break
    from hub.store.store import Tx

journal = typer.Typer(no_args_is_help=True, help="The append-only, hash-chained journal.")


@journal.command()
def verify(config: Config = None) -> None:
    """Check every chain: nothing changed, nothing missing, nothing cut off. Exit code 1 if not."""
    with opened(config) as store:
        breaks, entries = store.read(_look)
    for broken in breaks:
        where = f"{broken.organisation} {broken.chain} entry {broken.number}"
        typer.secho(f"{where}: {broken.what}", fg="red", err=True)
    if breaks:
        raise typer.Exit(code=1)
    typer.secho(f"The journal is whole: {entries} entries.", fg="green")


def _look(tx: Tx) -> tuple[list[Break], int]:
    from hub.store import journal as rows

    return list(rows.verify(tx)), rows.newest(tx)


@journal.command()
def show(chain: str, config: Config = None, organisation: Organisation = None) -> None:
    """One chain: an incident's or a session's."""
    from hub.store import journal as rows

    with opened(config) as store:
        entries = store.read(lambda tx: rows.read(tx, chosen(tx, organisation), chain))
    for entry in entries:
        by = f" by {entry.by}" if entry.by else ""
        detail = json.dumps(dict(entry.detail), ensure_ascii=False)
        typer.echo(f"{entry.number:>4}  {entry.at.isoformat(timespec='milliseconds')}  {entry.action}{by}  {detail}")
