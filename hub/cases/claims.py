"""What gateways do themselves: trade a code for a credential, sign in with it, change it for the next one."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from hub.cases import way_in
from hub.cases.access import Refusal, RefusalKind
from hub.cases.gateways import ROTATE_AFTER, chain
from hub.store import credentials, directory, faults, journal, presence
from hub.store.faults import FaultKind
from protocols.enrolment import Credential, Enrolment
from protocols.ids import NAME, OrganisationId
from protocols.mqtt.envelope import GatewayState

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.store.credentials import CodeRecord, CredentialRecord
    from hub.store.store import Tx
    from protocols.codes import Code

_USERNAME: Final = re.compile(rf"(?P<organisation>{NAME})\.(?P<gateway>{NAME})\.(?P<generation>[1-9][0-9]{{0,8}})")
_NOBODY: Final = "0" * 64


class CredentialEndedError(Exception):
    """A credential that is good no longer.

    Attributes:
        username: of the credential.
    """

    def __init__(self, username: str) -> None:
        super().__init__(f"the credential {username} was revoked or replaced")
        self.username = username


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who asks, and from where.

    Attributes:
        source: address.
        version: of its program, as it says.
    """

    source: str
    version: str = ""


def claim(desk: Desk, code: Code, claim: str, arrival: Arrival) -> Enrolment | Refusal:
    """Trade a code. The same code with the same claim is answered again until the credential was used.

    Raises:
        NoWayInError, SealedError: as they say.
    """
    record = credentials.find_code(desk.tx, code.digest)
    if record is None:
        return Refusal(RefusalKind.CODE_UNKNOWN, arrival.source, f"a code nobody made, from {arrival.source}")
    claim_hash = sha256(bytes.fromhex(claim)).hexdigest()
    refused = _why_not(desk, record, claim_hash)
    if refused is not None:
        return _refusal(refused, record, arrival)
    credential = _credential_of(desk, record, claim_hash, arrival)
    return _enrolment(desk, record, credential)


def _why_not(desk: Desk, code: CodeRecord, claim_hash: str) -> RefusalKind | None:
    if code.claim_hash is not None and not hmac.compare_digest(code.claim_hash, claim_hash):
        return RefusalKind.CODE_USED
    if code.used_at is not None:
        return RefusalKind.CODE_USED
    if code.claim_hash is None and code.expires_at <= desk.now:
        return RefusalKind.CODE_EXPIRED
    return None


def _refusal(kind: RefusalKind, code: CodeRecord, arrival: Arrival) -> Refusal:
    told = {RefusalKind.CODE_USED: "was used before, or replaced", RefusalKind.CODE_EXPIRED: "has expired"}
    detail = f"a code made for gateway {code.gateway} was given from {arrival.source}, but it {told[kind]}"
    return Refusal(kind, arrival.source, detail, code.organisation, code.gateway)


def _credential_of(desk: Desk, code: CodeRecord, claim_hash: str, arrival: Arrival) -> CredentialRecord:
    if code.claim_hash is not None:
        known = credentials.of_gateway(desk.tx, code.organisation, code.gateway)
        return next(one for one in known if one.generation == code.generation)
    credential = _new_credential(desk, code.organisation, code.gateway)
    credentials.claim_code(desk.tx, code, claim_hash, credential.generation)
    known_place = presence.get_gateway(desk.tx, code.organisation, code.gateway)
    place = code.place or (known_place.place if known_place is not None else None)
    presence.put_place(desk.tx, code.organisation, code.gateway, place, state=GatewayState.OFFLINE)
    detail = {
        "code": code.id,
        "generation": str(credential.generation),
        "source": arrival.source,
        "version": arrival.version,
    }
    journal.append(desk.tx, code.organisation, chain(code.gateway), "enrolled", by=code.created_by, detail=detail)
    return credential


def _new_credential(desk: Desk, organisation: OrganisationId, gateway: str) -> CredentialRecord:
    return credentials.add(desk.tx, organisation, gateway, secrets.token_urlsafe(32))


def _enrolment(desk: Desk, code: CodeRecord, credential: CredentialRecord) -> Enrolment:
    way = way_in.read(desk.tx)
    known = presence.get_gateway(desk.tx, code.organisation, code.gateway)
    place = None if known is None or known.place is None else known.place
    found = directory.get_place(desk.tx, code.organisation, place) if place is not None else None
    return Enrolment(
        organisation=code.organisation,
        gateway=code.gateway,
        place=place,
        place_name=None if found is None else found.name,
        hub_url=way.hub_url,
        authority=way.authority,
        broker=way.broker,
        credential=told(desk.tx, credential),
    )


def told(tx: Tx, record: CredentialRecord) -> Credential:
    """A credential as its gateway is given it."""
    return Credential(
        username=record.username,
        secret=credentials.secret(tx, record),
        generation=record.generation,
        rotate_after=record.created_at + ROTATE_AFTER,
    )


def recognise(tx: Tx, username: str, secret: str, source: str) -> CredentialRecord | Refusal:
    """Whose credential this is; it takes as long whether there is such a user or not."""
    match = _USERNAME.fullmatch(username)
    held = credentials.of_gateway(tx, OrganisationId(match["organisation"]), match["gateway"]) if match else []
    found = next((one for one in held if match and one.generation == int(match["generation"])), None)
    is_right = hmac.compare_digest(credentials.hashed(secret), found.secret_hash if found is not None else _NOBODY)
    if found is not None and is_right and found.ends_at is None:
        return found
    organisation = OrganisationId(match["organisation"]) if match and held else None
    gateway = match["gateway"] if match and held else None
    kind = RefusalKind.CREDENTIAL_ENDED if found is not None and is_right else RefusalKind.CREDENTIAL_WRONG
    detail = f"a {kind} was used for gateway {gateway or 'unknown'} at the hub, from {source}"
    return Refusal(kind, source, detail, organisation, gateway)


def ended(record: CredentialRecord, source: str) -> Refusal:
    """It was good when it was recognised, and was no longer when it was to be used."""
    detail = f"a {RefusalKind.CREDENTIAL_ENDED} was used for gateway {record.gateway} at the hub, from {source}"
    return Refusal(RefusalKind.CREDENTIAL_ENDED, source, detail, record.organisation, record.gateway)


def use(desk: Desk, record: CredentialRecord, source: str) -> CredentialRecord:
    """The credential as it stands; whatever is done with it is done in this transaction, which revocation waits for.

    It is in use: what came before it, and the code it was traded for, are worth nothing from now on. Where it is used
    from is kept: it tells whose gateway is turned away from there.

    Raises:
        CredentialEndedError: it was revoked, or replaced, in the meantime.
    """
    held = credentials.of_gateway(desk.tx, record.organisation, record.gateway)
    current = next((one for one in held if one.generation == record.generation), None)
    if current is None or current.ends_at is not None:
        raise CredentialEndedError(record.username)
    for other in held:
        if other.generation < current.generation and other.ends_at is None:
            credentials.end(desk.tx, other, f"replaced by generation {current.generation}")
    credentials.note_address(desk.tx, current, source)
    if current.proved_at is None:
        _prove(desk, current)
    return current


def _is_of_a_code(desk: Desk, record: CredentialRecord) -> bool:
    made = credentials.codes(desk.tx, record.organisation)
    return any(one.gateway == record.gateway and one.generation == record.generation for one in made)


def _prove(desk: Desk, record: CredentialRecord) -> None:
    credentials.prove(desk.tx, record)
    faults.clear(desk.tx, record.organisation, FaultKind.CREDENTIAL_OLD, record.gateway)
    credentials.spend_codes(desk.tx, record.organisation, record.gateway)
    detail = {"generation": str(record.generation)}
    journal.append(desk.tx, record.organisation, chain(record.gateway), "credential in use", detail=detail)


def rotate(desk: Desk, record: CredentialRecord, source: str) -> Credential:
    """The next credential; one that was made before and never used is told again, in case the answer got lost.

    What a code was traded for is told to nobody else: whoever was there before is about to be replaced.

    Raises:
        CredentialEndedError: there is none after one that has ended, or that a code has replaced.
    """
    current = use(desk, record, source)
    newest = credentials.of_gateway(desk.tx, current.organisation, current.gateway)[0]
    if newest.generation != current.generation and newest.ends_at is None and _is_of_a_code(desk, newest):
        raise CredentialEndedError(current.username)
    if newest.ends_at is not None or newest.generation == current.generation:
        newest = _new_credential(desk, current.organisation, current.gateway)
        detail = {"generation": str(newest.generation)}
        journal.append(desk.tx, current.organisation, chain(current.gateway), "rotated", detail=detail)
    return told(desk.tx, newest)
