"""``tocsin hub organisation``, ``tocsin hub worker`` and ``tocsin hub place``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cases import enrolment, people
from hub.cases.desk import Desk, Routes
from hub.cli.common import Config, chosen, fail, opened
from hub.cli.common import Organisation as Own
from hub.store import directory
from hub.store.directory import Organisation, Place, Worker
from protocols.ids import NAME, OrganisationId, PlaceId, WorkerId

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.store.store import Tx

_BY = "cli"
Id = Annotated[str, typer.Argument(metavar="ID", help="Lower case letters, digits, hyphens.")]


def organisation(id_: Id, name: str, config: Config = None,
                 zone: Annotated[str, typer.Option(help="IANA time zone.")] = "Europe/London") -> None:  # fmt: skip
    """Add an organisation. ID goes into MQTT topics: lower case, digits, hyphens."""
    new = Organisation(OrganisationId(_checked(id_)), name, zone)
    _write(config, lambda tx: people.add_organisation(Desk(tx, Routes()), new, _BY))
    typer.echo(f"Organisation {id_}: {name}, {zone}.")


def worker(id_: Id, name: str, config: Config = None, organisation: Own = None,
           email: str | None = None, phone: str | None = None,
           supervisor: Annotated[str | None, typer.Option(help="Account told first.")] = None) -> None:  # fmt: skip
    """Add a lone worker."""
    _checked(id_)

    def work(tx: Tx) -> None:
        own = chosen(tx, organisation)
        _know(tx, own, supervisor)
        new = Worker(own, WorkerId(id_), name, email, phone, supervisor)
        enrolment.add_worker(Desk(tx, Routes()), new, _BY)

    _write(config, work)
    told = "" if supervisor is None else f"; {supervisor} is told first"
    typer.echo(f"Worker {id_}: {name}{told}.")


def _know(tx: Tx, own: OrganisationId, supervisor: str | None) -> None:
    if supervisor is None or directory.get_account(tx, own, supervisor) is not None:
        return
    known = ", ".join(one.id for one in directory.all_accounts(tx, own)) or "none yet"
    raise LookupError(f"there is no account {supervisor} to be the supervisor; accounts: {known}")


def place(id_: Id, name: str, config: Config = None, organisation: Own = None, address: str = "",
          latitude: float | None = None, longitude: float | None = None) -> None:  # fmt: skip
    """Add a place where sessions are."""
    _checked(id_)

    def work(tx: Tx) -> None:
        new = Place(chosen(tx, organisation), PlaceId(id_), name, address, latitude, longitude)
        enrolment.add_place(Desk(tx, Routes()), new, _BY)

    _write(config, work)
    typer.echo(f"Place {id_}: {', '.join(filter(None, (name, address)))}.")


def _checked(id_: str) -> str:
    if not re.fullmatch(NAME, id_):
        raise fail(f"not an id (lower case letters, digits, hyphens, at most 40): {id_}")
    return id_


def _write(config: Path | None, work: Callable[[Tx], None]) -> None:
    with opened(config) as store:
        store.write(work)
