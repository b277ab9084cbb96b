"""Browsers in which an account was signed in before: whoever guesses its password elsewhere does not slow them.

Such a browser keeps a mark that only this hub can make: a number of its own, and an HMAC of it under the account's
password hash. Nothing is stored for it here, and a new password makes every mark worthless. A mark opens no door.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.directory import Account

LIFETIME: Final = timedelta(days=365)


def cookie_name(account: Account, *, secure: bool) -> str:
    """One cookie per account: people who share a browser do not take it from each other."""
    who = hashlib.sha256(f"{account.organisation}/{account.id}".encode()).hexdigest()[:16]
    return f"{'__Host-' if secure else ''}tocsin-known-{who}"


def mark(account: Account) -> str:
    """For a browser in which this account has just been signed in."""
    number = secrets.token_hex(16)
    return f"{number}.{_signature(account, number)}"


def known(account: Account, cookies: Mapping[str, str]) -> str | None:
    """The number of the browser that these cookies came from; None when the account was never signed in there."""
    kept = (cookies.get(cookie_name(account, secure=secure), "") for secure in (True, False))
    for number, _, signature in (cookie.partition(".") for cookie in kept):
        if hmac.compare_digest(signature.encode(), _signature(account, number).encode()):
            return number
    return None


def _signature(account: Account, number: str) -> str:
    key = (account.password_hash or secrets.token_hex(16)).encode()
    said = f"browser/{account.organisation}/{account.id}/{number}"
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
