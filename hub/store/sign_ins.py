"""Who is signed in. Only the hash of a cookie is kept, so that a stolen database opens no door."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, or_, select, update

from hub.store.tables import sign_ins
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.store import Tx

IDLE: Final = timedelta(hours=1)
"""A browser that asks for nothing for so long is signed out; a screen that watches asks all the time."""
GRAIN: Final = timedelta(minutes=5)
"""How exactly that is kept: not every request needs a write."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser of one account.

    Attributes:
        csrf: what every form of this browser carries.
        expires_at: from then on it must sign in again, whatever it did.
        seen_at: when it last asked for something, to within :data:`GRAIN`.
    """

    organisation: OrganisationId
    account: str
    csrf: str
    expires_at: datetime
    seen_at: datetime | None = None


def add(tx: Tx, token: str, sign_in: SignIn) -> None:
    """Remember a browser; those that have expired are forgotten on the way."""
    tx.connection.execute(delete(sign_ins).where(sign_ins.c.expires_at <= tx.now))
    values = {name: getattr(sign_in, name) for name in sign_in.__slots__}
    tx.connection.execute(insert(sign_ins).values(token_hash=_hash(token), **values))


def get(tx: Tx, token: str) -> SignIn | None:
    """Whose browser this is; None when it is nobody's, or not any more."""
    lately = or_(sign_ins.c.seen_at.is_(None), sign_ins.c.seen_at > tx.now - IDLE)
    where = (sign_ins.c.token_hash == _hash(token), sign_ins.c.expires_at > tx.now, lately)
    row = tx.connection.execute(select(sign_ins).where(*where)).one_or_none()
    if row is None:
        return None
    return SignIn(OrganisationId(row.organisation), row.account, row.csrf, row.expires_at, row.seen_at)


def touch(tx: Tx, token: str) -> None:
    """It asked for something just now."""
    tx.connection.execute(update(sign_ins).where(sign_ins.c.token_hash == _hash(token)).values(seen_at=tx.now))


def remove(tx: Tx, token: str) -> None:
    """This browser is signed out."""
    tx.connection.execute(delete(sign_ins).where(sign_ins.c.token_hash == _hash(token)))


def remove_all(tx: Tx, organisation: OrganisationId, account: str, *, but: str = "") -> int:
    """Every browser of an account is signed out, but the one with this token; how many that were."""
    mine = (sign_ins.c.organisation == organisation, sign_ins.c.account == account)
    return tx.connection.execute(delete(sign_ins).where(*mine, sign_ins.c.token_hash != _hash(but))).rowcount


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
