"""Passwords, and who is signed in."""

from __future__ import annotations

import contextlib
import functools
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.cases.accounts import ONE_TIME
from hub.store import directory, sign_ins
from hub.store.directory import Account, Role
from hub.store.sign_ins import SignIn
from hub.store.store import Rank, StoreUnavailableError
from hub.web import browsers, rights
from hub.web.throttle import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.store.directory import Organisation
    from hub.store.store import Store, Tx
    from hub.web.rights import Right
    from hub.web.throttle import Key, Lane, Throttle
    from protocols.ids import OrganisationId

FIRST: Final = "admin"
LIFETIME: Final = timedelta(hours=12)
"""A long shift; then the browser must sign in again."""
SHORTEST: Final = 12
LONGEST: Final = 1000
"""Characters of a password. Length is all that is asked for (NIST SP 800-63B)."""
MOST_ALIKE: Final = 5
"""Accounts of the same name in different organisations of which the password is looked at for one sign-in."""
_HASHER: Final = PasswordHasher()


class WeakPasswordError(ValueError):
    """A password that is too easy to guess.

    Attributes:
        what: is wrong with it.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"choose another password: {what}")
        self.what = what


class WrongPasswordError(Exception):
    """No such account, or not its password: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("no account of this name has this password")


class WhichOrganisationError(Exception):
    """Several organisations have an account of this name, and the password is right for one: nobody else is told.

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
    """Somebody who is signed in, or a program that acts in somebody's name.

    Attributes:
        rights: what may be done now.
        csrf: what each form of this browser carries; None when a password or token came with the request.
        token: id of the token that came with the request.
        expires_at: when this browser must sign in again.
    """

    account: Account
    organisation: Organisation
    rights: frozenset[Right] = frozenset()
    csrf: str | None = None
    token: str | None = None
    expires_at: datetime | None = None

    @property
    def by(self) -> str:
        """How it is written down who did something: ``sam``, or ``sam/3f2a…`` for a token of hers."""
        return self.account.id if self.token is None else f"{self.account.id}/{self.token}"

    @property
    def must_change_password(self) -> bool:
        return self.token is None and self.account.password_until is not None

    def may(self, right: str) -> bool:
        """For pages, which show nobody a button that would be refused."""
        return right in self.rights and not self.must_change_password


def hash_password(password: str) -> str:
    """Argon2id, with its parameters and salt in the text."""
    return _HASHER.hash(password)


def one_time_password() -> str:
    """To be read out or copied by hand: 80 bits."""
    return "-".join(secrets.token_hex(2) for _ in range(5))


def check_password(password: str, account: Account) -> str:
    """A password somebody chose.

    Raises:
        WeakPasswordError: it is too short, or says who they are.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPasswordError(f"it has {len(password)} characters; {SHORTEST} are needed, {LONGEST} are possible")
    names = {account.id, account.name.lower(), account.organisation}
    if password.lower().strip("0123456789!?. ") in names or len(set(password)) < SHORTEST // 3:
        raise WeakPasswordError("whoever tries to guess it tries this one first")
    return password


def is_password_of(throttle: Throttle, account: Account, password: str, origin: Origin, now: datetime) -> bool:
    """Whether a person who is signed in knows their password.

    Raises:
        TooManyAttemptsError: wrong too often from there.
    """
    key = account.organisation, account.id, browsers.known(account, origin.cookies) or place_of(origin.address)
    throttle.check(key, now)
    if _is_right(throttle.known, account, password):
        return True
    throttle.failed(key, now)
    return False


def first_account(tx: Tx, organisation: OrganisationId) -> str | None:
    """Make sure that somebody can sign in.

    Returns:
        The one-time password of the new administrator ``admin``, to be shown once; None when somebody can sign in.
    """
    known = {account.id: account for account in directory.all_accounts(tx, organisation)}
    if any(account.password_hash and not _is_over(account, tx.now) for account in known.values()):
        return None
    password, until = one_time_password(), tx.now + ONE_TIME
    if FIRST in known:
        directory.set_password(tx, organisation, FIRST, hash_password(password), until)
    else:
        new = Account(organisation, FIRST, "Administrator", None, Role.ADMINISTRATOR)
        directory.add_account(tx, replace(new, password_hash=hash_password(password), password_until=until))
    return password


def _is_over(account: Account, now: datetime) -> bool:
    """A one-time password that nobody used in time."""
    return account.password_until is not None and account.password_until <= now


def authenticate(store: Store, throttle: Throttle, name: str, password: str, origin: Origin) -> Account:
    """Whose name and password these are. ``name`` is ``account`` or ``organisation/account``.

    Raises:
        WrongPasswordError, WhichOrganisationError: as they say.
        TooManyAttemptsError: wrong too often from there.
    """
    candidates, now = store.read(lambda tx: (_candidates(tx, name), tx.now))
    account = candidates[0] if len(candidates) == 1 else None
    browser = None if account is None else browsers.known(account, origin.cookies)
    key = _key(account, name, browser or place_of(origin.address))
    throttle.check(key, now)
    lane = throttle.lane(origin.address, now, is_known=browser is not None)
    place = None if browser is not None else place_of(origin.address)
    alike: list[Account | None] = [*candidates[:MOST_ALIKE]] or [None]
    right = [one for one in alike if _is_right(lane, one, password, place)]
    if not right or right[0] is None:
        throttle.failed(key, now, origin.address)
        raise WrongPasswordError
    throttle.succeeded(key, now, origin.address)
    if len(candidates) > 1:
        raise WhichOrganisationError(name)
    return right[0]


def _key(account: Account | None, name: str, place: str) -> Key:
    """However a name is written, guesses at one account count together."""
    return ("", name.strip().lower(), place) if account is None else (account.organisation, account.id, place)


def _candidates(tx: Tx, name: str) -> list[Account]:
    organisation, slash, account = name.strip().rpartition("/")
    found = directory.find_accounts(tx, account)
    mine = [one for one in found if one.organisation == organisation] if slash else found
    return [one for one in mine if one.active and one.password_hash and not _is_over(one, tx.now)]


def _is_right(lane: Lane, account: Account | None, password: str, place: str | None = None) -> bool:
    """Takes as long for an account that does not exist.

    Raises:
        TooManyAttemptsError: too many are being looked at already.
    """
    kept = account.password_hash if account is not None else None
    try:
        with lane.turn(place):
            return _HASHER.verify(kept or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False


@functools.cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_hex(16))


def sign_in(tx: Tx, account: Account, instead_of: str = "") -> tuple[str, SignIn]:
    """A new browser of this account: the token for its cookie, and what is kept of it.

    Whatever token that browser had before opens nothing from then on.
    """
    sign_ins.remove(tx, instead_of)
    token = secrets.token_urlsafe(32)
    kept = SignIn(account.organisation, account.id, secrets.token_urlsafe(32), tx.now + LIFETIME, tx.now)
    sign_ins.add(tx, token, kept)
    return token, kept


def sign_in_again(tx: Tx, account: Account) -> tuple[Account, str]:
    """The same browser after its account was changed: the account as it is now, and a new token.

    Raises:
        WrongPasswordError: the account is gone.
    """
    fresh = directory.get_account(tx, account.organisation, account.id)
    if fresh is None:
        raise WrongPasswordError
    return fresh, sign_in(tx, fresh)[0]


def seen(store: Store, token: str) -> Person | None:
    """Who is behind this cookie, and that they are there; None when nobody is, any more."""
    found, is_stale = store.read(lambda tx: (person(tx, token), _is_stale(tx, token)))
    if found is not None and is_stale:
        with contextlib.suppress(StoreUnavailableError):  # whoever can still read an alarm shall
            store.write(lambda tx: sign_ins.touch(tx, token), rank=Rank.ROUTINE)
    return found


def _is_stale(tx: Tx, token: str) -> bool:
    kept = sign_ins.get(tx, token)
    return kept is not None and (kept.seen_at is None or tx.now - kept.seen_at >= sign_ins.GRAIN)


def person(tx: Tx, token: str) -> Person | None:
    """Who is behind this cookie; None when nobody is, any more."""
    kept = sign_ins.get(tx, token)
    account = None if kept is None else directory.get_account(tx, kept.organisation, kept.account)
    found = None if account is None else person_of(tx, account)
    if kept is None or found is None:
        return None
    return replace(found, csrf=kept.csrf, expires_at=kept.expires_at)


def person_of(tx: Tx, account: Account) -> Person | None:
    """An account's person, with all that its role may do."""
    organisation = directory.get_organisation(tx, account.organisation)
    if organisation is None or not account.active:
        return None
    return Person(account, organisation, rights.of(account.role))
