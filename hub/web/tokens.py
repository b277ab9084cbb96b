"""Tokens by which programs sign in: ``tocsin_`` + 30 random letters and digits + 6 of checksum.

The prefix and the checksum (CRC-32 of what stands before it, base 62) let a scanner find a token that was published by
mistake, and tell it from anything else without asking us.
"""

from __future__ import annotations

import contextlib
import secrets
import string
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases.sessions import UnknownReferenceError
from hub.store import api_tokens, directory, journal
from hub.store.api_tokens import ApiToken
from hub.store.store import Rank, StoreUnavailableError
from hub.web import rights
from hub.web.accounts import Person
from hub.web.rights import Right

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.cases.desk import Desk
    from hub.store.directory import Account
    from hub.store.store import Store, Tx
    from protocols.ids import OrganisationId

PREFIX: Final = "tocsin_"
DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 365
_LETTERS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM: Final = 30
_CHECK: Final = 6
_ID: Final = 12


class ScopeError(ValueError):
    """A right that can't be given.

    Attributes:
        what: rights.
    """

    def __init__(self, what: Collection[str]) -> None:
        named = ", ".join(sorted(what)) or "none at all"
        super().__init__(f"these rights can't be given to a token by this account: {named}")
        self.what = named


class TokenError(Exception):
    """No such token, or not any more."""

    def __init__(self) -> None:
        super().__init__("no token like this is good: it is unknown, revoked, expired, or its maker's account ended")


def generate() -> str:
    """A new secret."""
    body = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_well_formed(text: str) -> bool:
    """Whether it may be one of ours: nothing else is looked up."""
    return (
        text.startswith(PREFIX)
        and len(text) == len(PREFIX) + _RANDOM + _CHECK
        and text.isascii()
        and text[-_CHECK:] == _checksum(text[:-_CHECK])
    )


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_LETTERS))
        digits = _LETTERS[digit] + digits
    return digits


def new(
    desk: Desk, maker: Account, name: str, scopes: Collection[str], days: int = DEFAULT_DAYS
) -> tuple[str, ApiToken]:
    """A token that acts in its maker's name; its secret is shown once and kept nowhere.

    Raises:
        ScopeError: no rights, unknown ones, or ones that its maker may not give.
    """
    wrong = set(scopes) - rights.grantable(maker.role)
    if wrong or not scopes:
        raise ScopeError(wrong)
    secret, number = generate(), desk.tx.new_id()[:_ID]
    length = timedelta(days=max(1, min(days, MOST_DAYS)))
    token = ApiToken(maker.organisation, number, name, frozenset(scopes), maker.id, desk.now, desk.now + length)
    api_tokens.add(desk.tx, token, secret)
    detail = {"scopes": " ".join(sorted(scopes)), "until": token.expires_at.isoformat(timespec="seconds")}
    journal.append(desk.tx, maker.organisation, f"token:{number}", "made", by=maker.id, detail=detail)
    return secret, token


def revoke(desk: Desk, organisation: OrganisationId, number: str, by: str) -> None:
    """It opens nothing from now on.

    Raises:
        UnknownReferenceError: there is no such token that was not revoked.
    """
    if not api_tokens.revoke(desk.tx, organisation, number):
        raise UnknownReferenceError("token", number)
    journal.append(desk.tx, organisation, f"token:{number}", "revoked", by=by)


def bearer(store: Store, secret: str) -> Person:
    """Who acts with this token: its maker, with the rights that the token has and its maker still has.

    Raises:
        TokenError: nobody.
    """
    found = store.read(lambda tx: _bearer(tx, secret)) if is_well_formed(secret) else None
    if found is None:
        raise TokenError
    person, token, is_stale = found
    if is_stale:
        with contextlib.suppress(StoreUnavailableError):  # whoever can still read an alarm shall
            store.write(lambda tx: api_tokens.touch(tx, token), rank=Rank.ROUTINE)
    return person


def _bearer(tx: Tx, secret: str) -> tuple[Person, ApiToken, bool] | None:
    token = api_tokens.find(tx, secret)
    if token is None or not token.is_good(tx.now):
        return None
    maker = directory.get_account(tx, token.organisation, token.created_by)
    organisation = directory.get_organisation(tx, token.organisation)
    if maker is None or organisation is None or not maker.active:
        return None
    scopes = frozenset(right for right in Right if right in token.scopes) & rights.grantable(maker.role)
    is_stale = token.used_at is None or tx.now - token.used_at >= api_tokens.GRAIN
    return Person(maker, organisation, scopes, token=token.id), token, is_stale
