"""``tocsin hub session``: log sessions, start and end them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hub.cases import sessions
from hub.cases.desk import Desk, Routes
from hub.cli.common import Config, Organisation, chosen, opened
from hub.domain.session import Risk, SessionPhase
from hub.store import sessions as rows

session = typer.Typer(no_args_is_help=True, help="Log sessions, start and end them.")


@session.command()
def log(worker: str, place: str, minutes: Annotated[int, typer.Argument(help="Expected length.")],
        config: Config = None, organisation: Organisation = None, risk: Risk = Risk.NORMAL,
        at: Annotated[datetime | None, typer.Option(help="Start (UTC); now if left out.")] = None,
        ) -> None:  # fmt: skip
    """Log a session; without --at it starts now."""
    starts = at.replace(tzinfo=UTC) if at is not None else datetime.now(UTC)
    new = sessions.NewSession(worker, place, starts, starts + timedelta(minutes=minutes), risk, start_now=at is None)
    with opened(config) as store:
        record = store.write(lambda tx: sessions.log(Desk(tx, Routes()), chosen(tx, organisation), new, "cli"))
    typer.echo(record.id)


@session.command()
def end(session_id: str, config: Config = None, organisation: Organisation = None) -> None:
    """End a session."""
    with opened(config) as store:
        store.write(lambda tx: sessions.end(Desk(tx, Routes()), chosen(tx, organisation), session_id, "cli"))


@session.command("list")
def list_(config: Config = None, organisation: Organisation = None) -> None:
    """Sessions that are planned or under way."""
    live = (SessionPhase.PLANNED, SessionPhase.ACTIVE)
    with opened(config) as store:
        for one in store.read(lambda tx: rows.listed(tx, chosen(tx, organisation), live)):
            until = one.state.ends_at.isoformat(timespec="minutes")
            typer.echo(f"{one.id}  {one.state.phase:<8} {one.state.risk:<7} {one.worker} at {one.place} until {until}")
