"""Accounts: added, edited, given a password, ended. Nobody can lock everybody out, or raise themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.cases.enrolment import AlreadyThereError
from hub.cases.sessions import UnknownReferenceError
from hub.store import api_tokens, directory, journal, sign_ins
from hub.store.directory import Account, Role
from protocols.ids import NAME, OrganisationId, WorkerId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.cases.desk import Desk

ONE_TIME: Final = timedelta(days=3)
"""How long a password is good that somebody else has seen."""
_HISTORY: Final = "account:{}"


class LastAdministratorError(Exception):
    """Nobody would be left to look after the organisation.

    Attributes:
        id: of the account.
    """

    def __init__(self, account: str) -> None:
        super().__init__(f"{account} is the last administrator: make somebody else one first")
        self.id = account


class OwnAccountError(Exception):
    """What nobody does to their own account.

    Attributes:
        what: it was.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"nobody changes their own {what}: ask another administrator")
        self.what = what


class AccountIdError(ValueError):
    """A text that is no id of an account.

    Attributes:
        id: the text.
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"not an id (lower case letters, digits, hyphens, at most 40): {text!r}")
        self.id = text


class NoWorkerError(ValueError):
    """An account with the role *worker* that is nobody's."""

    def __init__(self) -> None:
        super().__init__("an account with the role worker needs the worker it is for")


@dataclass(frozen=True, slots=True)
class Edit:
    """What an account shall be from now on."""

    name: str
    email: str | None
    role: Role
    worker: str | None = None
    active: bool = True


def get(desk: Desk, organisation: OrganisationId, account: str) -> Account:
    """One account.

    Raises:
        UnknownReferenceError: there is none of this id.
    """
    found = directory.get_account(desk.tx, organisation, account)
    if found is None:
        raise UnknownReferenceError("account", account)
    return found


def add(desk: Desk, organisation: OrganisationId, number: str, new: Edit, by: str, password_hash: str) -> Account:
    """A person who may sign in, with a one-time password.

    Raises:
        AccountIdError, AlreadyThereError, NoWorkerError, UnknownReferenceError: as they say.
    """
    if not re.fullmatch(NAME, number):
        raise AccountIdError(number)
    if directory.get_account(desk.tx, organisation, number) is not None:
        raise AlreadyThereError("account", number)
    blank = Account(organisation, number, new.name, new.email, new.role)
    account = replace(_edited(desk, blank, new), password_hash=password_hash, password_until=desk.now + ONE_TIME)
    directory.add_account(desk.tx, account)
    _note(desk, account, "added", by, {"role": account.role})
    return account


def edit(desk: Desk, organisation: OrganisationId, number: str, new: Edit, by: str) -> Account:
    """Change what an account is. One that is ended is signed out everywhere at once.

    Raises:
        UnknownReferenceError, NoWorkerError: as they say.
        OwnAccountError: somebody would change their own role, or end themselves.
        LastAdministratorError: it is, and would not be one any more.
    """
    before = get(desk, organisation, number)
    after = _edited(desk, before, new)
    _check(desk, before, after, by)
    directory.save_account(desk.tx, after)
    if not after.active:
        sign_ins.remove_all(desk.tx, organisation, number)
    _note(desk, after, "edited", by, {"role": after.role, "active": str(after.active).lower()})
    return after


def _edited(desk: Desk, before: Account, new: Edit) -> Account:
    if new.role is Role.WORKER and not new.worker:
        raise NoWorkerError
    if new.worker and directory.get_worker(desk.tx, before.organisation, new.worker) is None:
        raise UnknownReferenceError("worker", new.worker)
    worker = WorkerId(new.worker) if new.worker else None
    return replace(before, name=new.name, email=new.email, role=new.role, worker=worker, active=new.active)


def _check(desk: Desk, before: Account, after: Account, by: str) -> None:
    if by == before.id and after.role is not before.role:
        raise OwnAccountError("role")
    if by == before.id and not after.active:
        raise OwnAccountError("being active")
    stays = after.active and after.role is Role.ADMINISTRATOR
    if not stays and directory.administrators(desk.tx, before.organisation) == [before.id]:
        raise LastAdministratorError(before.id)


def reset_password(desk: Desk, organisation: OrganisationId, number: str, by: str, password_hash: str) -> None:
    """A one-time password by somebody else's hand; every browser is signed out, every token revoked.

    Raises:
        UnknownReferenceError: there is no such account.
    """
    account = get(desk, organisation, number)
    directory.set_password(desk.tx, organisation, number, password_hash, desk.now + ONE_TIME)
    sign_ins.remove_all(desk.tx, organisation, number)
    tokens = api_tokens.revoke_all(desk.tx, organisation, number)
    _note(desk, account, "password reset", by, {"tokens": str(tokens)} if tokens else None)


def change_password(desk: Desk, account: Account, password_hash: str, *, but: str = "") -> None:
    """A person's own new password; their other browsers (all but the one with the token ``but``) are signed out."""
    directory.set_password(desk.tx, account.organisation, account.id, password_hash)
    sign_ins.remove_all(desk.tx, account.organisation, account.id, but=but)
    _note(desk, account, "password changed", account.id)


def sign_out_everywhere(desk: Desk, account: Account) -> None:
    """Every browser of a person, this one too."""
    count = sign_ins.remove_all(desk.tx, account.organisation, account.id)
    _note(desk, account, "signed out everywhere", account.id, {"browsers": str(count)})


def _note(desk: Desk, account: Account, action: str, by: str, detail: Mapping[str, str] | None = None) -> None:
    chain = _HISTORY.format(account.id)
    journal.append(desk.tx, account.organisation, chain, action, by=by, detail=detail)
