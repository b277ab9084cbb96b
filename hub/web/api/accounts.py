"""Accounts, tokens and the journal: who may do what, and who did."""

from typing import Annotated

from fastapi import APIRouter, Query

from hub.cases import accounts as cases
from hub.cases.accounts import Edit
from hub.store import api_tokens, directory, journal
from hub.web import tokens
from hub.web.accounts import Person, hash_password, one_time_password
from hub.web.api.people_models import (
    AccountEdit,
    AccountOut,
    JournalOut,
    NewAccount,
    NewAccountOut,
    NewToken,
    NewTokenOut,
    PasswordOut,
    TokenOut,
)
from hub.web.context import Hub
from hub.web.guard import calling
from hub.web.rights import Right

router = APIRouter(tags=["accounts"])

Keeper = Annotated[Person, calling(Right.ACCOUNTS_EDIT)]
TokenKeeper = Annotated[Person, calling(Right.TOKENS_EDIT)]


@router.get("/accounts")
def list_accounts(hub: Hub, person: Keeper) -> list[AccountOut]:
    found = hub.store.read(lambda tx: directory.all_accounts(tx, person.organisation.id))
    return [AccountOut.of(account) for account in found]


@router.post("/accounts", status_code=201)
def add_account(hub: Hub, person: Keeper, new: NewAccount) -> NewAccountOut:
    password = one_time_password()
    kept, own = hash_password(password), person.organisation.id
    account = hub.act(lambda desk: cases.add(desk, own, new.id, _edit(new), person.by, kept))
    return NewAccountOut(**AccountOut.of(account).model_dump(), password=password)


@router.put("/accounts/{number}")
def edit_account(hub: Hub, person: Keeper, number: str, new: AccountEdit) -> AccountOut:
    """One that is not active any more is signed out everywhere at once, and its tokens open nothing."""
    own = person.organisation.id
    return AccountOut.of(hub.act(lambda desk: cases.edit(desk, own, number, _edit(new), person.by)))


@router.post("/accounts/{number}/password")
def reset_password(hub: Hub, person: Keeper, number: str) -> PasswordOut:
    """A one-time password; the account is signed out everywhere."""
    password = one_time_password()
    kept, own = hash_password(password), person.organisation.id
    hub.act(lambda desk: cases.reset_password(desk, own, number, person.by, kept))
    return PasswordOut(password=password)


def _edit(new: AccountEdit) -> Edit:
    return Edit(new.name, new.email, new.role, new.worker, new.active)


@router.get("/tokens")
def list_tokens(hub: Hub, person: TokenKeeper) -> list[TokenOut]:
    found, now = hub.store.read(lambda tx: (api_tokens.listed(tx, person.organisation.id), tx.now))
    return [TokenOut.of(token, now) for token in found]


@router.post("/tokens", status_code=201)
def make_token(hub: Hub, person: TokenKeeper, new: NewToken) -> NewTokenOut:
    secret, token = hub.act(lambda desk: tokens.new(desk, person.account, new.name, new.scopes, new.days))
    return NewTokenOut(**TokenOut.of(token, token.created_at).model_dump(), token=secret)


@router.post("/tokens/{number}/revoke", status_code=204)
def revoke_token(hub: Hub, person: TokenKeeper, number: str) -> None:
    """It opens nothing from now on."""
    hub.act(lambda desk: tokens.revoke(desk, person.organisation.id, number, person.by))


@router.get("/journal")
def read_journal(
    hub: Hub,
    person: Annotated[Person, calling(Right.JOURNAL_SEE)],
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    chain: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[JournalOut]:
    """Newest first; ``before`` is the ``id`` of the last line that was read."""
    own = person.organisation.id
    found = hub.store.read(lambda tx: journal.latest(tx, own, before=before, chain=chain, limit=limit))
    return [
        JournalOut(
            id=number,
            chain=entry.chain,
            number=entry.number,
            at=entry.at,
            action=entry.action,
            by=entry.by,
            detail=dict(entry.detail),
            digest=entry.digest,
        )
        for number, entry in found
    ]
