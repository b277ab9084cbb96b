"""By what gateways are known: enrolment codes, and credentials by generation.

Of a code only its digest is kept. Of a credential, the SHA-256 of its secret for HTTPS, and the secret sealed, so that
the broker's accounts can be made anew from the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select, update

from hub.store.lookup import Lookup
from hub.store.tables import credentials, enrolment_codes, keyring_fetches
from hub.store.upsert import put
from protocols.ids import GatewayId, OrganisationId

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from hub.store.store import Tx


ADDRESS_MAX: Final = 80
OF_GATEWAY: Final = Lookup(credentials, "organisation", "gateway")
HELD: Final = Lookup(credentials, "organisation", "gateway", locks=True)


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """An enrolment code that was made.

    Attributes:
        claim_hash: SHA-256 (hex) of the claim that it was traded to.
        generation: of the credential that it was traded for.
        used_at: when the credential it was traded for was first used; from then on the code is worth nothing.
    """

    organisation: OrganisationId
    id: str
    gateway: GatewayId
    place: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    claim_hash: str | None = None
    claimed_at: datetime | None = None
    generation: int | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """A credential of one generation.

    Attributes:
        secret_hash: SHA-256 (hex) of the secret.
        sealed_secret: see :func:`secret`.
        proved_at: when it was first used.
        rotate_asked_at: since when the hub wants the gateway to ask for the next one.
        ends_at: None while it is good.
        used_from: the address that it was last used from.
    """

    organisation: OrganisationId
    gateway: GatewayId
    generation: int
    secret_hash: str
    sealed_secret: bytes
    created_at: datetime
    proved_at: datetime | None = None
    rotate_asked_at: datetime | None = None
    ends_at: datetime | None = None
    ended_why: str | None = None
    used_from: str | None = None

    @property
    def username(self) -> str:
        return f"{self.organisation}.{self.gateway}.{self.generation}"


@dataclass(frozen=True, slots=True)
class Fetch:
    """Which keys a gateway has."""

    gateway: GatewayId
    version: str
    fetched_at: datetime


def hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def add_code(tx: Tx, record: CodeRecord, digest: str) -> None:
    values = {name: getattr(record, name) for name in record.__slots__}
    tx.connection.execute(insert(enrolment_codes).values(**values, code_hash=digest))


def find_code(tx: Tx, digest: str) -> CodeRecord | None:
    """The code with this digest, whosever it is; locked until the transaction ends."""
    row = tx.connection.execute(
        tx.lock(select(enrolment_codes).where(enrolment_codes.c.code_hash == digest))
    ).one_or_none()
    return None if row is None else _code(row)


def codes(tx: Tx, organisation: OrganisationId) -> list[CodeRecord]:
    """Every code, oldest first."""
    where = enrolment_codes.c.organisation == organisation
    rows = tx.connection.execute(select(enrolment_codes).where(where).order_by(enrolment_codes.c.created_at))
    return [_code(row) for row in rows]


def claim_code(tx: Tx, code: CodeRecord, claim_hash: str, generation: int) -> None:
    values = {"claim_hash": claim_hash, "claimed_at": tx.now, "generation": generation}
    where = (enrolment_codes.c.organisation == code.organisation, enrolment_codes.c.id == code.id)
    tx.connection.execute(update(enrolment_codes).where(*where).values(**values))


def spend_codes(tx: Tx, organisation: OrganisationId, gateway: str) -> None:
    """The credential that a claimed code was traded for is in use: nobody gets it from that code again."""
    where = (*_open_codes(organisation, gateway), enrolment_codes.c.claimed_at.is_not(None))
    tx.connection.execute(update(enrolment_codes).where(*where).values(used_at=tx.now))


def end_codes(tx: Tx, organisation: OrganisationId, gateway: str) -> None:
    """No code of this gateway is worth anything from now on."""
    where = _open_codes(organisation, gateway)
    tx.connection.execute(update(enrolment_codes).where(*where).values(used_at=tx.now))


def _open_codes(organisation: OrganisationId, gateway: str) -> tuple[Any, ...]:
    return (
        enrolment_codes.c.organisation == organisation,
        enrolment_codes.c.gateway == gateway,
        enrolment_codes.c.used_at.is_(None),
    )


def add(tx: Tx, organisation: OrganisationId, gateway: str, secret: str) -> CredentialRecord:
    """A credential of the next generation, sealed."""
    generation = _newest(tx, organisation, gateway) + 1
    sealed = tx.vault.seal(secret.encode(), context(organisation, gateway, generation))
    record = CredentialRecord(organisation, GatewayId(gateway), generation, hashed(secret), sealed, tx.now)
    values = {name: getattr(record, name) for name in record.__slots__}
    tx.connection.execute(insert(credentials).values(**values))
    return record


def _newest(tx: Tx, organisation: OrganisationId, gateway: str) -> int:
    where = (credentials.c.organisation == organisation, credentials.c.gateway == gateway)
    highest = select(func.coalesce(func.max(credentials.c.generation), 0)).where(*where)
    return int(tx.connection.execute(highest).scalar_one())


def secret(tx: Tx, record: CredentialRecord) -> str:
    """The secret itself.

    Raises:
        SealedError: the key it is sealed under is gone.
    """
    return tx.vault.open(record.sealed_secret, context(record.organisation, record.gateway, record.generation)).decode()


def context(organisation: str, gateway: str, generation: int) -> str:
    return f"credential {organisation}/{gateway}/{generation}"


def of_gateway(tx: Tx, organisation: OrganisationId, gateway: str) -> list[CredentialRecord]:
    """Every credential a gateway ever had, newest first; locked until the transaction ends.

    Read once they are locked: who held the lock may have made another one meanwhile.
    """
    where = (credentials.c.organisation == organisation, credentials.c.gateway == gateway)
    ordered = select(credentials).where(*where).order_by(credentials.c.generation.desc())
    if tx.writes:
        tx.connection.execute(tx.lock(ordered)).all()
    return [_credential(row) for row in tx.connection.execute(ordered)]


def is_revoked(tx: Tx, organisation: OrganisationId, gateway: str, *, hold: bool = False) -> bool:
    """Whether it had credentials and has none that is good; with ``hold`` that stays so until the transaction ends.

    A gateway that was set up by hand never had one, and is not revoked.
    """
    known = tx.unit.rows(HELD if hold else OF_GATEWAY, organisation, gateway)
    return bool(known) and all(row.ends_at is not None for row in known)


def of_organisation(tx: Tx, organisation: OrganisationId) -> list[CredentialRecord]:
    """The same of all its gateways."""
    ordered = (
        select(credentials)
        .where(credentials.c.organisation == organisation)
        .order_by(credentials.c.gateway, credentials.c.generation.desc())
    )
    return [_credential(row) for row in tx.connection.execute(ordered)]


def live(tx: Tx) -> list[CredentialRecord]:
    """Everything that is good now, of every organisation: what the broker has to let in."""
    ordered = select(credentials).where(credentials.c.ends_at.is_(None)).order_by(*credentials.primary_key)
    return [_credential(row) for row in tx.connection.execute(ordered)]


def stamp(tx: Tx) -> tuple[int, int]:
    """Changes whenever a credential is made or ends."""
    row = tx.connection.execute(select(func.count(), func.count(credentials.c.ends_at)).select_from(credentials)).one()
    return int(row[0]), int(row[1])


def is_used_from(tx: Tx, organisation: OrganisationId, address: str) -> bool:
    """Whether a gateway last used a credential from this address, be it good still or not."""
    where = (credentials.c.organisation == organisation, credentials.c.used_from == address)
    return tx.connection.execute(select(credentials.c.gateway).where(*where).limit(1)).first() is not None


def note_address(tx: Tx, record: CredentialRecord, address: str) -> None:
    """It is used from there."""
    if record.used_from != address[:ADDRESS_MAX]:
        _change(tx, record, used_from=address[:ADDRESS_MAX])


def prove(tx: Tx, record: CredentialRecord) -> None:
    """It was used."""
    _change(tx, record, proved_at=tx.now)


def ask_rotation(tx: Tx, record: CredentialRecord) -> None:
    _change(tx, record, rotate_asked_at=tx.now)


def end(tx: Tx, record: CredentialRecord, why: str) -> None:
    """From now on it is not good."""
    _change(tx, record, ends_at=tx.now, ended_why=why[:200])


def _change(tx: Tx, record: CredentialRecord, **values: object) -> None:
    where = (
        credentials.c.organisation == record.organisation,
        credentials.c.gateway == record.gateway,
        credentials.c.generation == record.generation,
    )
    tx.connection.execute(update(credentials).where(*where).values(**values))


def note_fetch(tx: Tx, organisation: OrganisationId, gateway: str, version: str) -> None:
    """The gateway has the keys of this version."""
    values = {"organisation": organisation, "gateway": gateway, "version": version, "fetched_at": tx.now}
    put(tx, keyring_fetches, [values])


def fetches(tx: Tx, organisation: OrganisationId) -> dict[GatewayId, Fetch]:
    """Which keys each gateway fetched last."""
    rows = tx.connection.execute(select(keyring_fetches).where(keyring_fetches.c.organisation == organisation))
    return {GatewayId(row.gateway): Fetch(GatewayId(row.gateway), row.version, row.fetched_at) for row in rows}


def _code(row: Row[Any]) -> CodeRecord:
    return CodeRecord(**{name: getattr(row, name) for name in CodeRecord.__slots__})


def _credential(row: Row[Any]) -> CredentialRecord:
    return CredentialRecord(**{name: getattr(row, name) for name in CredentialRecord.__slots__})
