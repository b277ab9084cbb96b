"""``tocsin hub gateway``: invite a gateway, have it change its credential, revoke it, list them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import addresses
from hub.authority import AuthorityError
from hub.cases import gateways, way_in
from hub.cases.desk import Desk, Routes
from hub.cli.common import Config, Organisation, chosen, fail, opened, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.store.store import Tx
    from protocols.ids import OrganisationId

gateway = typer.Typer(no_args_is_help=True, help="Gateways: enrol, rotate, revoke, list.")
Id = Annotated[str, typer.Argument(metavar="GATEWAY", help="Lower case letters, digits, hyphens.")]
_BY = "cli"


@gateway.command()
def code(id_: Id, config: Config = None, organisation: Organisation = None,
         place: Annotated[str | None, typer.Option(help="Id of where it hangs.")] = None,
         minutes: Annotated[int, typer.Option(help="How long the code is good.")] = 60) -> None:  # fmt: skip
    """Make a code for one gateway, good once: tocsin gateway enroll HUB --code CODE."""
    try:
        way = addresses.way_in(settings(config))
    except AuthorityError as wrong:
        raise fail(str(wrong)) from wrong

    def work(tx: Tx) -> str:
        way_in.note(tx, way)
        own = chosen(tx, organisation)
        return gateways.new_code(Desk(tx, Routes()), own, id_, place, _BY, timedelta(minutes=minutes))

    with opened(config) as store:
        made = store.write(work)
    typer.echo(f"tocsin gateway enroll {way.hub_url} --code {made}")
    typer.echo(f"good once, for {minutes} minutes", err=True)


@gateway.command()
def revoke(id_: Id, why: Annotated[str, typer.Option(help="Lost, stolen, replaced, …")], config: Config = None,
           organisation: Organisation = None) -> None:  # fmt: skip
    """Nothing that this gateway has is good from now on. The running hub cuts it off within seconds."""
    _act(config, organisation, lambda desk, own: gateways.revoke(desk, own, id_, _BY, why))


@gateway.command()
def rotate(id_: Id, config: Config = None, organisation: Organisation = None) -> None:
    """Have the gateway change its credential when it next asks for keys."""
    _act(config, organisation, lambda desk, own: gateways.rotate(desk, own, id_, _BY))


def _act(config: Path | None, organisation: str | None, work: Callable[[Desk, OrganisationId], Any]) -> None:
    with opened(config) as store:
        store.write(lambda tx: work(Desk(tx, Routes()), chosen(tx, organisation)))


@gateway.command("list")
def list_(config: Config = None, organisation: Organisation = None) -> None:
    """Every gateway: is it enrolled, where it hangs, when it was heard."""
    with opened(config) as store:
        for one in store.read(lambda tx: gateways.listed(tx, chosen(tx, organisation))):
            heard = one.heard_at.isoformat(timespec="seconds") if one.heard_at is not None else "never"
            generation = f"({one.generation})" if one.generation is not None else ""
            typer.echo(f"{one.gateway:<20} {one.standing} {generation} at {one.place or '?'}, last heard {heard}")
