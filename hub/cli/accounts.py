"""``tocsin hub account``, ``tocsin hub password`` and ``tocsin hub token``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cases import accounts as cases
from hub.cases.accounts import AccountIdError, Edit, NoWorkerError
from hub.cases.desk import Desk, Routes
from hub.cases.enrolment import AlreadyThereError
from hub.cli.common import Config, Organisation, chosen, fail, opened
from hub.store import api_tokens
from hub.store.directory import Role

if TYPE_CHECKING:
    from hub.store.api_tokens import ApiToken
    from hub.store.store import Tx

BY = "cli"
token = typer.Typer(no_args_is_help=True, help="Tokens by which programs sign in to the API.")


def account(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    name: str,
    email: str,
    config: Config = None,
    organisation: Organisation = None,
    role: Role = Role.SUPERVISOR,
    worker: Annotated[str | None, typer.Option(help="Who they are when they work alone.")] = None,
) -> None:
    """Add a person who may sign in (all but workers are told of alarms); prints a one-time password."""
    from hub.web.accounts import hash_password, one_time_password

    password = one_time_password()
    kept, new = hash_password(password), Edit(name, email, role, worker)
    with opened(config) as store:
        try:
            store.write(lambda tx: cases.add(_desk(tx), chosen(tx, organisation), id_, new, BY, kept))
        except (AlreadyThereError, AccountIdError, NoWorkerError) as wrong:
            raise fail(str(wrong)) from wrong
    typer.echo(f"Password of {id_}, shown once, for one sign-in within {cases.ONE_TIME.days} days: {password}")


def password(
    account: Annotated[str, typer.Argument(metavar="ID")], config: Config = None, organisation: Organisation = None
) -> None:
    """Give an account a new one-time password, and sign it out everywhere."""
    from hub.web.accounts import hash_password, one_time_password

    fresh = one_time_password()
    kept = hash_password(fresh)
    with opened(config) as store:
        store.write(lambda tx: cases.reset_password(_desk(tx), chosen(tx, organisation), account, BY, kept))
    typer.echo(f"Password of {account}, shown once, for one sign-in within {cases.ONE_TIME.days} days: {fresh}")


@token.command("new")
def new_token(
    account: Annotated[str, typer.Argument(help="In whose name it acts.")],
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scopes: Annotated[list[str], typer.Argument(help="Rights, such as alarms:see.")],
    config: Config = None,
    organisation: Organisation = None,
    days: Annotated[int, typer.Option(min=1, max=365)] = 90,
) -> None:
    """Make a token and print it: it is shown once."""
    from hub.web import tokens

    def work(tx: Tx) -> str:
        maker = cases.get(_desk(tx), chosen(tx, organisation), account)
        return tokens.new(_desk(tx), maker, name, scopes, days)[0]

    with opened(config) as store:
        secret = store.write(work)
    typer.echo(secret)


@token.command("list")
def list_tokens(config: Config = None, organisation: Organisation = None) -> None:
    """What tokens there are; never the tokens themselves."""
    with opened(config) as store:
        found, now = store.read(lambda tx: (api_tokens.listed(tx, chosen(tx, organisation)), tx.now))
    for one in found:
        standing = "good" if one.is_good(now) else "revoked" if one.revoked_at else "expired"
        typer.echo(
            f"{one.id}  {standing:<8} {_when(one)}  of {one.created_by}: {one.name} ({' '.join(sorted(one.scopes))})"
        )


def _when(one: ApiToken) -> str:
    used = one.used_at.isoformat(timespec="minutes") if one.used_at else "never"
    return f"until {one.expires_at.date()}, last used {used}"


@token.command("revoke")
def revoke_token(
    number: Annotated[str, typer.Argument(metavar="ID")], config: Config = None, organisation: Organisation = None
) -> None:
    """It opens nothing from now on."""
    from hub.web import tokens

    with opened(config) as store:
        store.write(lambda tx: tokens.revoke(_desk(tx), chosen(tx, organisation), number, BY))


def _desk(tx: Tx) -> Desk:
    return Desk(tx, Routes())
