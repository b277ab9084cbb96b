"""Passwords, and who is signed in."""

from __future__ import annotations

import functools
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.store import directory, sign_ins
from hub.store.directory import Account, Role
from hub.store.sign_ins import SignIn
from hub.web import browsers
from hub.web.throttle import TooManyAttemptsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.directory import Organisation
    from hub.store.store import Store, Tx
    from hub.web.throttle import Key, Throttle
    from protocols.ids import OrganisationId

FIRST: Final = "admin"
LIFETIME: Final = timedelta(hours=12)
"""A long shift; then the browser must sign in again."""
_HASHER: Final = PasswordHasher()
_HASHING: Final = threading.BoundedSemaphore(4)
"""Passwords looked at in one moment: each takes 64 MiB, which a small machine needs for alarms."""
_WAITING: Final = threading.BoundedSemaphore(16)
"""Those and the ones that wait: the other threads of the web server are for who is signed in."""
_SOON: Final = timedelta(seconds=1)


class WrongPasswordError(Exception):
    """No such account, or not its password: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("no account of this name has this password")


class WhichOrganisationError(Exception):
    """Several organisations have an account of this name.

    Attributes:
        name: that was given.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"several organisations have an account {name}: write it as organisation/{name}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a name and a password come from.

    Attributes:
        address: of the network.
        cookies: that came along; they may show that the account was signed in there before.
    """

    address: str
    cookies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    Attributes:
        csrf: what each form of this browser carries; None when the password came with the request.
    """

    account: Account
    organisation: Organisation
    csrf: str | None = None


def hash_password(password: str) -> str:
    """Argon2id, with its parameters and salt in the text."""
    return _HASHER.hash(password)


def first_account(tx: Tx, organisation: OrganisationId) -> str | None:
    """Make sure that somebody can sign in.

    Returns:
        The password of the new administrator ``admin``, to be shown once; None when an account has a password already.
    """
    known = {account.id: account for account in directory.all_accounts(tx, organisation)}
    if any(account.password_hash for account in known.values()):
        return None
    password = "-".join(secrets.token_hex(2) for _ in range(5))
    if FIRST in known:
        directory.set_password(tx, organisation, FIRST, hash_password(password))
    else:
        new = Account(organisation, FIRST, "Administrator", None, Role.ADMINISTRATOR)
        directory.add_account(tx, replace(new, password_hash=hash_password(password)))
    return password


def authenticate(store: Store, throttle: Throttle, name: str, password: str, origin: Origin) -> Account:
    """Whose name and password these are. ``name`` is ``account`` or ``organisation/account``.

    Raises:
        WrongPasswordError, WhichOrganisationError: as they say.
        TooManyAttemptsError: wrong too often from there.
    """
    candidates, now = store.read(lambda tx: (_candidates(tx, name), tx.now))
    key = _key(candidates, name, origin)
    throttle.check(key, now)
    if len(candidates) > 1:
        raise WhichOrganisationError(name)
    account = candidates[0] if candidates else None
    if not _is_right(account, password) or account is None:
        throttle.failed(key, now)
        raise WrongPasswordError
    throttle.succeeded(key)
    return account


def _key(candidates: list[Account], name: str, origin: Origin) -> Key:
    """However a name is written, guesses at one account count together."""
    if len(candidates) != 1:
        return "", name.strip().lower(), origin.address
    account = candidates[0]
    return account.organisation, account.id, browsers.known(account, origin.cookies) or origin.address


def _candidates(tx: Tx, name: str) -> list[Account]:
    organisation, slash, account = name.strip().rpartition("/")
    found = directory.find_accounts(tx, account)
    mine = [one for one in found if one.organisation == organisation] if slash else found
    return [one for one in mine if one.active and one.password_hash]


def _is_right(account: Account | None, password: str) -> bool:
    """Takes as long for an account that does not exist.

    Raises:
        TooManyAttemptsError: too many are being looked at already.
    """
    kept = account.password_hash if account is not None else None
    if not _WAITING.acquire(blocking=False):
        raise TooManyAttemptsError(_SOON)
    try:
        with _HASHING:
            return _HASHER.verify(kept or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _WAITING.release()


@functools.cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_hex(16))


def sign_in(tx: Tx, account: Account) -> tuple[str, SignIn]:
    """A new browser of this account: the token for its cookie, and what is kept of it."""
    token = secrets.token_urlsafe(32)
    kept = SignIn(account.organisation, account.id, secrets.token_urlsafe(32), tx.now + LIFETIME)
    sign_ins.add(tx, token, kept)
    return token, kept


def person(tx: Tx, token: str) -> Person | None:
    """Who is behind this cookie; None when nobody is, any more."""
    kept = sign_ins.get(tx, token)
    if kept is None:
        return None
    account = directory.get_account(tx, kept.organisation, kept.account)
    organisation = directory.get_organisation(tx, kept.organisation)
    if account is None or organisation is None or not account.active:
        return None
    return Person(account, organisation, kept.csrf)
