"""``tocsin hub``: run it, set it up, log sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hub.broker import embedded
from hub.cases import sessions
from hub.cases.desk import Desk, Routes
from hub.cli import accounts
from hub.cli.access import access
from hub.cli.backup import backup, migrate, restore_, reviewed
from hub.cli.common import Config, Organisation, chosen, fail, opened, settings
from hub.cli.devices import device
from hub.cli.doctor import doctor
from hub.cli.gateways import gateway
from hub.cli.healthy import healthy
from hub.cli.keys import keys
from hub.cli.prepare import prepare
from hub.cli.tls import tls
from hub.domain.session import Risk, SessionPhase
from hub.store import directory
from hub.store import sessions as session_rows
from hub.store.directory import Place, Worker
from protocols.ids import NAME, OrganisationId, PlaceId, WorkerId
from tocsin import log

app = typer.Typer(no_args_is_help=True, help="The hub: records, matches, escalates, shows.")
session = typer.Typer(no_args_is_help=True, help="Log sessions, start and end them.")
app.add_typer(session, name="session")
app.add_typer(gateway, name="gateway")
app.add_typer(device, name="device")
app.add_typer(keys, name="keys")
app.add_typer(tls, name="tls")
app.add_typer(access, name="access")


app.command()(accounts.account)
app.command()(accounts.password)
app.add_typer(accounts.token, name="token")
app.command()(healthy)
app.command()(backup)
app.command("restore")(restore_)
app.command()(reviewed)
app.command()(migrate)
app.command()(doctor)
app.command()(prepare)


@app.command()
def run(config: Config = None) -> None:
    """Run the hub: ingest, deadlines, notifications, console."""
    from hub.app import run as serve
    from hub.store.schema import SchemaError
    from hub.store.store import StoreUnavailableError

    loaded = settings(config)
    log.configure(loaded.log)
    try:
        serve(loaded)
    except (StoreUnavailableError, SchemaError) as wrong:
        raise fail(str(wrong)) from wrong


@app.command()
def broker(config: Config = None) -> None:
    """Run the embedded MQTT broker, on loopback only: for one box and for trying things out."""
    loaded = settings(config)
    log.configure(loaded.log)
    embedded.run(loaded.broker.port)


@app.command()
def organisation(id_: Annotated[str, typer.Argument(metavar="ID")], name: str, config: Config = None,
                 zone: Annotated[str, typer.Option(help="IANA time zone.")] = "Europe/London") -> None:  # fmt: skip
    """Add an organisation. ID goes into MQTT topics: lower case, digits, hyphens."""
    if not re.fullmatch(NAME, id_):
        raise fail(f"not an id (lower case letters, digits, hyphens): {id_}")
    with opened(config) as store:
        new = directory.Organisation(OrganisationId(id_), name, zone)
        store.write(lambda tx: directory.add_organisation(tx, new))


@app.command()
def worker(id_: Annotated[str, typer.Argument(metavar="ID")], name: str, config: Config = None,
           organisation: Organisation = None, email: str | None = None, phone: str | None = None,
           supervisor: Annotated[str | None, typer.Option(help="Account told first.")] = None) -> None:  # fmt: skip
    """Add a lone worker."""
    with opened(config) as store:
        store.write(
            lambda tx: directory.add_worker(
                tx, Worker(chosen(tx, organisation), WorkerId(id_), name, email, phone, supervisor)
            )
        )


@app.command()
def place(id_: Annotated[str, typer.Argument(metavar="ID")], name: str, config: Config = None,
          organisation: Organisation = None, address: str = "", latitude: float | None = None,
          longitude: float | None = None) -> None:  # fmt: skip
    """Add a place where sessions are."""
    with opened(config) as store:
        store.write(
            lambda tx: directory.add_place(
                tx, Place(chosen(tx, organisation), PlaceId(id_), name, address, latitude, longitude)
            )
        )


@session.command("log")
def log_session(worker: str, place: str, minutes: Annotated[int, typer.Argument(help="Expected length.")],
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
        for one in store.read(lambda tx: session_rows.listed(tx, chosen(tx, organisation), live)):
            until = one.state.ends_at.isoformat(timespec="minutes")
            typer.echo(f"{one.id}  {one.state.phase:<8} {one.state.risk:<7} {one.worker} at {one.place} until {until}")
