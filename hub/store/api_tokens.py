"""Tokens by which programs sign in. Only their hash is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from hub.store.tables import api_tokens
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx

GRAIN: Final = timedelta(minutes=1)
"""How exactly the last use is kept."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is kept of a token.

    Attributes:
        name: what it is for.
        scopes: rights that were given to it (:class:`hub.web.rights.Right`).
        created_by: the account in whose name it acts.
        used_at: when it was last used, to within :data:`GRAIN`.
    """

    organisation: OrganisationId
    id: str
    name: str
    scopes: frozenset[str]
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


def add(tx: Tx, token: ApiToken, secret: str) -> None:
    """Keep a new one."""
    values = {name: getattr(token, name) for name in token.__slots__}
    values |= {"scopes": " ".join(sorted(token.scopes)), "token_hash": _hash(secret)}
    tx.connection.execute(insert(api_tokens).values(**values))


def find(tx: Tx, secret: str) -> ApiToken | None:
    """The token with this secret, good or not."""
    row = tx.connection.execute(select(api_tokens).where(api_tokens.c.token_hash == _hash(secret))).one_or_none()
    return None if row is None else _token(row)


def get(tx: Tx, organisation: OrganisationId, number: str) -> ApiToken | None:
    where = (api_tokens.c.organisation == organisation, api_tokens.c.id == number)
    row = tx.connection.execute(select(api_tokens).where(*where)).one_or_none()
    return None if row is None else _token(row)


def listed(tx: Tx, organisation: OrganisationId) -> list[ApiToken]:
    """All there ever were, newest first."""
    where = api_tokens.c.organisation == organisation
    rows = tx.connection.execute(select(api_tokens).where(where).order_by(api_tokens.c.created_at.desc()))
    return [_token(row) for row in rows]


def revoke(tx: Tx, organisation: OrganisationId, number: str) -> bool:
    """It opens nothing from now on; False when there is no such token that was good."""
    where = (api_tokens.c.organisation == organisation, api_tokens.c.id == number, api_tokens.c.revoked_at.is_(None))
    return tx.connection.execute(update(api_tokens).where(*where).values(revoked_at=tx.now)).rowcount > 0


def revoke_all(tx: Tx, organisation: OrganisationId, account: str) -> int:
    """Nothing that acts in the name of an account opens anything from now on; how many tokens that were."""
    where = (api_tokens.c.organisation == organisation, api_tokens.c.created_by == account)
    still = (api_tokens.c.revoked_at.is_(None), api_tokens.c.expires_at > tx.now)
    return tx.connection.execute(update(api_tokens).where(*where, *still).values(revoked_at=tx.now)).rowcount


def touch(tx: Tx, token: ApiToken) -> None:
    """It was used just now."""
    where = (api_tokens.c.organisation == token.organisation, api_tokens.c.id == token.id)
    tx.connection.execute(update(api_tokens).where(*where).values(used_at=tx.now))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        OrganisationId(row.organisation),
        row.id,
        row.name,
        frozenset(row.scopes.split()),
        row.created_by,
        row.created_at,
        row.expires_at,
        row.used_at,
        row.revoked_at,
    )
