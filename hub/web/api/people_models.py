"""Accounts, tokens and the journal on the wire."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field

from hub.store.api_tokens import ApiToken
from hub.store.directory import Account, Role
from hub.web.api.models import Email, Identifier, Sent, Text
from hub.web.rights import Right
from hub.web.tokens import DEFAULT_DAYS, MOST_DAYS


class AccountOut(BaseModel):
    """Somebody who may sign in. ``one_time``: with a password that must be changed at the next sign-in."""

    id: str
    name: str
    email: str | None
    role: Role
    worker: str | None
    active: bool
    one_time: bool

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.id,
            name=account.name,
            email=account.email,
            role=account.role,
            worker=account.worker,
            active=account.active,
            one_time=account.password_until is not None,
        )


class AccountEdit(Sent):
    """What an account shall be. ``worker`` says who the person is when they work alone."""

    name: Text
    email: Email | None = None
    role: Role
    worker: str | None = None
    active: bool = True


class NewAccount(AccountEdit):
    """An account to add."""

    id: Identifier


class NewAccountOut(AccountOut):
    """With its one-time password, shown this once."""

    password: str


class PasswordOut(BaseModel):
    """A one-time password, shown this once."""

    password: str


class TokenOut(BaseModel):
    """A token, never its secret. ``good``: neither revoked nor expired."""

    id: str
    name: str
    scopes: list[Right]
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    good: bool

    @classmethod
    def of(cls, token: ApiToken, now: datetime) -> Self:
        return cls(
            id=token.id,
            name=token.name,
            scopes=sorted(right for right in Right if right in token.scopes),
            created_by=token.created_by,
            created_at=token.created_at,
            expires_at=token.expires_at,
            used_at=token.used_at,
            revoked_at=token.revoked_at,
            good=token.is_good(now),
        )


class NewToken(Sent):
    """A token to make, in the name of whoever asks."""

    name: Text
    scopes: Annotated[list[Right], Field(min_length=1)]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = DEFAULT_DAYS


class NewTokenOut(TokenOut):
    """With its secret, shown this once."""

    token: str


class JournalOut(BaseModel):
    """One line of the journal. ``id`` counts all lines of this hub, so it has gaps."""

    id: int
    chain: str
    number: int
    at: datetime
    action: str
    by: str | None
    detail: dict[str, str]
    digest: str
