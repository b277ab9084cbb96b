"""What the hub's commands share: settings and a store, or a readable error and exit code 1."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.settings import HubSettings
    from hub.store.store import Store, Tx

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file (TOML).", envvar="TOCSIN_HUB_CONFIG")
]
Organisation = Annotated[str | None, typer.Option("--organisation", "-o", help="Id; needed when there are several.")]


def fail(message: str) -> typer.Exit:
    """Print in red; to be raised."""
    typer.secho(message, fg="red", err=True)
    return typer.Exit(code=1)


def settings(config: Path | None) -> HubSettings:
    """The hub's settings."""
    from hub.settings import HubSettings
    from tocsin.settings import SettingsError, load

    try:
        return load(HubSettings, config)
    except SettingsError as wrong:
        raise fail(str(wrong)) from wrong


def open_store(settings: HubSettings) -> Store:
    """The database with its keys, tables as they are."""
    from hub.store import vault
    from hub.store.store import Store, open_engine
    from tocsin.settings import SettingsError

    try:
        return Store(open_engine(settings.database_url()), vault.read_or_make(settings.keys_path))
    except SettingsError as wrong:
        raise fail(str(wrong)) from wrong


@contextmanager
def opened(config: Path | None) -> Iterator[Store]:
    """The hub's database, its tables ready."""
    from sqlalchemy.exc import SQLAlchemyError

    from hub.cases.enrolment import AlreadyThereError
    from hub.store import schema
    from hub.store.schema import SchemaError
    from hub.store.store import StoreUnavailableError

    store = open_store(settings(config))
    try:
        schema.prepare(store.engine, store.vault)
        yield store
    except (StoreUnavailableError, SchemaError, AlreadyThereError, LookupError, ValueError) as wrong:
        raise fail(str(wrong)) from wrong
    except SQLAlchemyError as wrong:  # in full it would repeat what was to be written, people's numbers among it
        raise fail(f"the database refused: {getattr(wrong, 'orig', None) or type(wrong).__name__}") from wrong
    finally:
        store.close()


def chosen(tx: Tx, organisation: str | None) -> OrganisationId:
    """The organisation that was named, or the only one there is.

    Raises:
        LookupError: there is none, or it must be named.
    """
    from hub.store import directory

    known = [one.id for one in directory.all_organisations(tx)]
    if organisation is not None and organisation in known:
        return OrganisationId(organisation)
    if organisation is None and len(known) == 1:
        return known[0]
    if not known:
        raise LookupError("there is no organisation yet: tocsin hub organisation ID NAME")
    raise LookupError(f"name one of the organisations with --organisation: {', '.join(known)}")
