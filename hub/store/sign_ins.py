"""Who is signed in. Only the hash of a cookie is kept, so that a stolen database opens no door."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from hub.store.tables import sign_ins
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.store import Tx


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser of one account.

    Attributes:
        csrf: what every form of this browser carries.
        expires_at: from then on it must sign in again.
    """

    organisation: OrganisationId
    account: str
    csrf: str
    expires_at: datetime


def add(tx: Tx, token: str, sign_in: SignIn) -> None:
    """Remember a browser; those that have expired are forgotten on the way."""
    tx.connection.execute(delete(sign_ins).where(sign_ins.c.expires_at <= tx.now))
    values = {name: getattr(sign_in, name) for name in sign_in.__slots__}
    tx.connection.execute(insert(sign_ins).values(token_hash=_hash(token), **values))


def get(tx: Tx, token: str) -> SignIn | None:
    """Whose browser this is; None when it is nobody's, or not any more."""
    where = (sign_ins.c.token_hash == _hash(token), sign_ins.c.expires_at > tx.now)
    row = tx.connection.execute(select(sign_ins).where(*where)).one_or_none()
    return None if row is None else SignIn(OrganisationId(row.organisation), row.account, row.csrf, row.expires_at)


def remove(tx: Tx, token: str) -> None:
    """This browser is signed out."""
    tx.connection.execute(delete(sign_ins).where(sign_ins.c.token_hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
