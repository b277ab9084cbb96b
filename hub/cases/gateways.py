"""What people do about gateways: make a code for a new one, have it change its credential, revoke it, look at them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hub.cases import device_keys, notify, way_in
from hub.cases.sessions import UnknownReferenceError
from hub.store import credentials, deadlines, directory, faults, journal, presence
from hub.store.credentials import CodeRecord
from hub.store.deadlines import DeadlineKind
from hub.store.faults import FaultKind
from protocols import codes
from protocols.ids import NAME, GatewayId
from protocols.mqtt.envelope import GatewayState
from protocols.mqtt.topics import HUB

if TYPE_CHECKING:
    from datetime import datetime

    from hub.cases.desk import Desk
    from hub.store.credentials import CredentialRecord
    from hub.store.presence import GatewayRecord
    from hub.store.store import Tx
    from protocols.ids import OrganisationId

CODE_LIFETIME: Final = timedelta(hours=1)
LONGEST_LIFETIME: Final = timedelta(days=7)
ROTATE_AFTER: Final = timedelta(days=60)
"""How long a gateway keeps a credential before it asks for the next one."""
OVERDUE: Final = timedelta(days=30)
"""One that has not changed it so long after that can't, or does not want to."""


class GatewayIdError(ValueError):
    """An id that no gateway can have.

    Attributes:
        id: what was given.
    """

    def __init__(self, number: str) -> None:
        super().__init__(f"not a gateway's id (lower case letters, digits, hyphens; not {HUB!r}): {number!r}")
        self.id = number


class CodeLifetimeError(ValueError):
    """A code that would be good for no time, or for too long.

    Attributes:
        lifetime: what was asked for.
    """

    def __init__(self, lifetime: timedelta) -> None:
        super().__init__(f"a code is good for up to {LONGEST_LIFETIME.days} days, not {lifetime}")
        self.lifetime = lifetime


class Standing(StrEnum):
    """How far a gateway has come."""

    INVITED = "code made"
    ENROLLED = "enrolled, not in use yet"
    ACTIVE = "enrolled"
    REVOKED = "revoked"
    NONE = "no credential"


@dataclass(frozen=True, slots=True)
class Listed:
    """A gateway, for a list.

    Attributes:
        place: id of where it hangs.
        state: ``online``, ``offline`` or ``silent``; None if it was never heard.
        heard_at: None if it was never heard.
        generation: of the newest credential; None if it never had one.
        enrolled_at: when that was made.
        rotate_after: when it should be changed.
        rotating: somebody asked for it to be changed now, or it is being changed.
        code_until: until when a code that nobody has used is good.
        ended_why: why its credential was revoked.
        keys_fetched_at: when it last asked for the devices' keys.
    """

    gateway: GatewayId
    place: str | None
    standing: Standing
    state: str | None = None
    heard_at: datetime | None = None
    version: str = ""
    generation: int | None = None
    enrolled_at: datetime | None = None
    rotate_after: datetime | None = None
    rotating: bool = False
    code_until: datetime | None = None
    ended_why: str | None = None
    keys_fetched_at: datetime | None = None


def new_code(
    desk: Desk, organisation: OrganisationId, gateway: str, place: str | None, by: str, lifetime: timedelta
) -> str:
    """A code for one gateway, as it is to be typed there; shown once, kept nowhere. Earlier codes are worth nothing.

    Raises:
        GatewayIdError, CodeLifetimeError: as they say.
        UnknownReferenceError: no such place.
        NoWayInError: the hub has never run.
    """
    _check(desk, organisation, gateway, place, lifetime)
    code = codes.make(secrets.randbits(codes.SECRET_BITS), way_in.read(desk.tx).authority_der)
    _end_unused(desk, organisation, gateway)
    until = desk.now + lifetime
    record = CodeRecord(organisation, desk.tx.new_id(), GatewayId(gateway), place, by, desk.now, until)
    credentials.add_code(desk.tx, record, code.digest)
    detail = {"code": record.id, "until": until.isoformat(timespec="seconds"), "place": place or ""}
    journal.append(desk.tx, organisation, chain(gateway), "code made", by=by, detail=detail)
    return str(code)


def _end_unused(desk: Desk, organisation: OrganisationId, gateway: str) -> None:
    """Earlier codes, and what was traded for one but never used."""
    traded = {code.generation for code in credentials.codes(desk.tx, organisation) if _is_open(code, gateway, desk.now)}
    for credential in _live(desk.tx, organisation, gateway):
        if credential.generation in traded and credential.proved_at is None:
            credentials.end(desk.tx, credential, "a new code was made")
    credentials.end_codes(desk.tx, organisation, gateway)


def _check(desk: Desk, organisation: OrganisationId, gateway: str, place: str | None, lifetime: timedelta) -> None:
    if not re.fullmatch(NAME, gateway) or gateway == HUB:
        raise GatewayIdError(gateway)
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise CodeLifetimeError(lifetime)
    if place is not None and directory.get_place(desk.tx, organisation, place) is None:
        raise UnknownReferenceError("place", place)


def chain(gateway: str) -> str:
    """Its journal."""
    return f"gateway:{gateway}"


def revoke(desk: Desk, organisation: OrganisationId, gateway: str, by: str, why: str) -> None:
    """Nothing that this gateway has, and no code made for it, is good from now on.

    Raises:
        UnknownReferenceError: it has nothing to revoke.
    """
    waiting = [code for code in credentials.codes(desk.tx, organisation) if _is_open(code, gateway, desk.now)]
    credentials.end_codes(desk.tx, organisation, gateway)  # first: who trades one right now is waited for
    live = _live(desk.tx, organisation, gateway)
    if not live and not waiting:
        raise UnknownReferenceError("gateway", gateway)
    for credential in live:
        credentials.end(desk.tx, credential, why)
    _expect_no_more(desk, organisation, gateway)
    if live:
        device_keys.gateway_lost(desk, organisation, GatewayId(gateway), by)
    detail = {"why": why, "generations": ", ".join(str(one.generation) for one in live)}
    journal.append(desk.tx, organisation, chain(gateway), "revoked", by=by, detail=detail)


def _live(tx: Tx, organisation: OrganisationId, gateway: str) -> list[CredentialRecord]:
    return [one for one in credentials.of_gateway(tx, organisation, gateway) if one.ends_at is None]


def _is_open(code: CodeRecord, gateway: str, now: datetime) -> bool:
    return code.gateway == gateway and code.used_at is None and (code.claimed_at is not None or code.expires_at > now)


def _expect_no_more(desk: Desk, organisation: OrganisationId, gateway: str) -> None:
    """It was taken out on purpose: that it falls silent now is no fault."""
    deadlines.set_(desk.tx, organisation, DeadlineKind.GATEWAY, gateway, None)
    for kind in (
        FaultKind.CREDENTIAL_OLD,
        FaultKind.GATEWAY_SILENT,
        FaultKind.GATEWAY_BLIND,
        FaultKind.GATEWAY_SHEDDING,
    ):
        faults.clear(desk.tx, organisation, kind, gateway)
    presence.set_gateway_state(desk.tx, organisation, gateway, GatewayState.OFFLINE)


def rotate(desk: Desk, organisation: OrganisationId, gateway: str, by: str) -> None:
    """The gateway is to change its credential when it next asks for keys.

    Raises:
        UnknownReferenceError: it has none.
    """
    live = _live(desk.tx, organisation, gateway)
    if not live:
        raise UnknownReferenceError("gateway", gateway)
    for credential in live:  # whichever the gateway uses
        credentials.ask_rotation(desk.tx, credential)
    journal.append(desk.tx, organisation, chain(gateway), "rotation asked", by=by)


def look_for_overdue(desk: Desk) -> None:
    """Administrators are told of gateways that go on with a credential that should have been changed long ago."""
    for record in credentials.live(desk.tx):
        if record.proved_at is not None and record.created_at + ROTATE_AFTER + OVERDUE <= desk.now:
            made = record.created_at.date().isoformat()
            detail = f"{record.gateway} still uses a credential of {made}, which it should change every two months"
            notify.fault(desk, record.organisation, FaultKind.CREDENTIAL_OLD, record.gateway, detail)


def listed(tx: Tx, organisation: OrganisationId) -> list[Listed]:
    """Every gateway that was ever heard, enrolled or given a code, by id."""
    heard = {record.id: record for record in presence.all_gateways(tx, organisation)}
    newest = _newest(credentials.of_organisation(tx, organisation))
    waiting = {code.gateway: code for code in credentials.codes(tx, organisation) if _is_waiting(code, tx.now)}
    fetched = credentials.fetches(tx, organisation)
    return [
        _listed(
            gateway,
            heard.get(gateway),
            newest.get(gateway, []),
            waiting.get(gateway),
            fetched[gateway].fetched_at if gateway in fetched else None,
        )
        for gateway in sorted(heard.keys() | newest.keys() | waiting.keys())
    ]


def _is_waiting(code: CodeRecord, now: datetime) -> bool:
    return code.claimed_at is None and code.used_at is None and code.expires_at > now


def _newest(records: list[CredentialRecord]) -> dict[GatewayId, list[CredentialRecord]]:
    """Of each gateway what is good, newest first; the newest of all where nothing is."""
    found: dict[GatewayId, list[CredentialRecord]] = {}
    for record in records:
        known = found.setdefault(record.gateway, [])
        if not known or record.ends_at is None:
            known.append(record)
    return found


def _listed(
    gateway: GatewayId,
    heard: GatewayRecord | None,
    held: list[CredentialRecord],
    code: CodeRecord | None,
    keys_fetched_at: datetime | None,
) -> Listed:
    newest = held[0] if held else None
    was_heard = heard is not None and heard.boot != ""
    return Listed(
        gateway,
        place=code.place if heard is None and code is not None else heard.place if heard is not None else None,
        standing=_standing(newest, code),
        state=heard.state if heard is not None and was_heard else None,
        heard_at=heard.heard_at if heard is not None and was_heard else None,
        version=heard.version if heard is not None else "",
        generation=newest.generation if newest is not None else None,
        enrolled_at=newest.created_at if newest is not None else None,
        rotate_after=newest.created_at + ROTATE_AFTER if newest is not None else None,
        rotating=len(held) > 1 or (newest is not None and newest.rotate_asked_at is not None),
        code_until=code.expires_at if code is not None else None,
        ended_why=newest.ended_why if newest is not None else None,
        keys_fetched_at=keys_fetched_at,
    )


def _standing(newest: CredentialRecord | None, code: CodeRecord | None) -> Standing:
    if newest is not None and newest.ends_at is None:
        return Standing.ACTIVE if newest.proved_at is not None else Standing.ENROLLED
    if code is not None:
        return Standing.INVITED
    return Standing.NONE if newest is None else Standing.REVOKED
