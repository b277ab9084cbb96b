"""Every table. Every key begins with the organisation: nobody sees another's rows.

Deadlines are rows of their own, so that one query claims what is due whatever it is about.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time with microseconds. SQLite keeps it as text that sorts; PostgreSQL as timestamptz."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401 - SQLAlchemy's own signature
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        return _utc if dialect.name == "postgresql" else _as_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:  # noqa: ARG002
        return _utc if dialect.name == "postgresql" else _from_text


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_text(value: str | None) -> datetime | None:
    """In one go: a hub reads some twenty times for each device that it hears of."""
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


_Rowid = BigInteger().with_variant(Integer, "sqlite")


def _organisation() -> Column[str]:
    return Column("organisation", String(40), primary_key=True)


def _id(name: str = "id") -> Column[str]:
    return Column(name, String(64), primary_key=True)


organisations = Table(
    "organisations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("zone", String(64), nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    _organisation(),
    _id(),
    Column("name", String(200), nullable=False),
    Column("email", String(320)),
    Column("password_hash", String(200)),
    Column("role", String(20), nullable=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("worker", String(64)),
    Column("password_until", Instant),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("organisation", String(40), nullable=False),
    Column("account", String(64), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("seen_at", Instant),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    _organisation(),
    _id(),
    Column("name", String(200), nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
    UniqueConstraint("token_hash"),
)

workers = Table(
    "workers",
    metadata,
    _organisation(),
    _id(),
    Column("name", String(200), nullable=False),
    Column("email", String(320)),
    Column("phone", String(40)),
    Column("supervisor", String(64)),
)

places = Table(
    "places",
    metadata,
    _organisation(),
    _id(),
    Column("name", String(200), nullable=False),
    Column("address", Text, nullable=False, default=""),
    Column("latitude", Float),
    Column("longitude", Float),
)

devices = Table(
    "devices",
    metadata,
    _organisation(),
    Column("address", String(17), primary_key=True),
    Column("label", String(200), nullable=False),
    Column("downlink_counter", BigInteger, nullable=False, default=0),
    Column("withdrawn_at", Instant),
    Column("revoked_at", Instant),
    Column("proved_at", Instant),
)

device_keys = Table(
    "device_keys",
    metadata,
    _organisation(),
    Column("address", String(17), primary_key=True),
    Column("enrolment", Integer, primary_key=True, autoincrement=False),
    Column("sealed_root", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("taken_generation", Integer),
    Column("trusted_from", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    Column("replaced_at", Instant),
    Column("retired_at", Instant),
    Column("ordered_at", Instant),
    Column("rekey_from", Instant),
    Column("rekeyed_at", Instant),
    Column("taken_at", Instant),
)

assignments = Table(
    "assignments",
    metadata,
    _organisation(),
    _id(),
    Column("address", String(17), nullable=False),
    Column("worker", String(64), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Index(None, "organisation", "address"),
    Index(None, "organisation", "worker"),
)

gateways = Table(
    "gateways",
    metadata,
    _organisation(),
    _id(),
    Column("place", String(64)),
    Column("state", String(20), nullable=False),
    Column("boot", String(64), nullable=False),
    Column("version", String(40), nullable=False),
    Column("outbox_depth", Integer, nullable=False, default=0),
    Column("blind", Boolean, nullable=False, default=False),
    Column("heard_at", Instant, nullable=False),
    Column("status_boot", String(64), nullable=False, default="", server_default=""),
    Column("status_number", BigInteger, nullable=False, default=0, server_default="0"),
)

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    _organisation(),
    _id(),
    Column("code_hash", String(64), nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("place", String(64)),
    Column("created_by", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("claim_hash", String(64)),
    Column("claimed_at", Instant),
    Column("generation", Integer),
    Column("used_at", Instant),
    UniqueConstraint("code_hash"),
)

credentials = Table(
    "credentials",
    metadata,
    _organisation(),
    Column("gateway", String(40), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("proved_at", Instant),
    Column("rotate_asked_at", Instant),
    Column("ends_at", Instant),
    Column("ended_why", String(200)),
    Column("used_from", String(80)),
    UniqueConstraint("secret_hash"),
)

keyring_fetches = Table(
    "keyring_fetches",
    metadata,
    _organisation(),
    Column("gateway", String(40), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("fetched_at", Instant, nullable=False),
)

hearings = Table(
    "hearings",
    metadata,
    _organisation(),
    Column("address", String(17), primary_key=True),
    Column("gateway", String(40), primary_key=True),
    Column("heard_at", Instant, nullable=False),
    Column("rssi", Integer, nullable=False),
)

presence = Table(
    "presence",
    metadata,
    _organisation(),
    Column("address", String(17), primary_key=True),
    Column("enrolment", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("heard_at", Instant, nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("battery", Integer, nullable=False),
    Column("worn", Boolean, nullable=False),
    Column("fault", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("mark_counter", BigInteger, nullable=False),
    Column("mark_at", Instant, nullable=False),
    Column("next_mark_counter", BigInteger, nullable=False),
    Column("next_mark_at", Instant, nullable=False),
    Column("passed", Integer, nullable=False, default=0),
    Column("passed_since", Instant),
    info={"rising": ("generation", "counter")},  # hub/store/upsert.py
)

sessions = Table(
    "sessions",
    metadata,
    _organisation(),
    _id(),
    Column("worker", String(64), nullable=False),
    Column("place", String(64), nullable=False),
    Column("phase", String(20), nullable=False),
    Column("risk", String(20), nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("wears_device", Boolean, nullable=False),
    Column("ended_at", Instant),
    Column("start_due", Instant),
    Column("overrun_due", Instant),
    Column("silence_due", Instant),
    Index(None, "organisation", "worker"),
    Index(None, "organisation", "phase"),
)

events = Table(
    "events",
    metadata,
    _organisation(),
    Column("address", String(17), primary_key=True),
    Column("enrolment", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("stage", Integer, primary_key=True),
    Column("life", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    Column("doubt", String(200)),
    Column("cause", Integer, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("battery", Integer, nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("time_quality", String(20), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("rssi", Integer, nullable=False),
    Column("frame", LargeBinary, nullable=False),
    Column("incident", String(64)),
    Index(None, "organisation", "incident"),
)

wired_events = Table(
    "wired_events",
    metadata,
    _organisation(),
    Column("gateway", String(40), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("button", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sign", String(20), nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("time_quality", String(20), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("incident", String(64)),
    Column("told", String(20)),
    Index(None, "organisation", "incident"),
)

unreadable = Table(
    "unreadable",
    metadata,
    _organisation(),
    _id(),
    Column("gateway", String(40), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("problems", Text, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("incident", String(64)),
    UniqueConstraint("organisation", "gateway", "digest"),
)

incidents = Table(
    "incidents",
    metadata,
    _organisation(),
    _id(),
    Column("subject", String(80), nullable=False),
    Column("live_subject", String(80)),
    Column("kind", String(20), nullable=False),
    Column("phase", String(20), nullable=False),
    Column("due", Instant),
    Column("rung", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("duress", Boolean, nullable=False),
    Column("cancelled_by_wearer", Boolean, nullable=False),
    Column("holder", String(64)),
    Column("outcome", String(20)),
    Column("opened_at", Instant, nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("worker", String(64)),
    Column("session", String(64)),
    Column("place", String(64)),
    Column("address", String(17)),
    Column("gateway", String(40)),
    UniqueConstraint("organisation", "live_subject"),
    Index(None, "organisation", "phase"),
)

faults = Table(
    "faults",
    metadata,
    _organisation(),
    _id(),
    Column("kind", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("open_key", String(130)),
    Column("detail", Text, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("cleared_at", Instant),
    Column("shelved_until", Instant),
    Column("shelved_by", String(64)),
    Column("shelved_why", Text),
    UniqueConstraint("organisation", "open_key"),
)

outbox = Table(
    "outbox",
    metadata,
    _organisation(),
    _id(),
    Column("rank", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("incident", String(64)),
    Column("fault", String(64)),
    Column("channel", String(20), nullable=False),
    Column("recipient", String(64)),
    Column("message", String(40), nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("done_at", Instant),
    Column("detail", Text, nullable=False, default=""),
    Index("ix_outbox_due", "due_at", "rank"),
    Index(None, "organisation", "incident"),
)

deadlines = Table(
    "deadlines",
    metadata,
    _organisation(),
    Column("kind", String(20), primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Index("ix_deadlines_due_at", "due_at"),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _Rowid, primary_key=True, autoincrement=True),
    Column("organisation", String(40), nullable=False),
    Column("chain", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("action", String(40), nullable=False),
    Column("by", String(64)),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("organisation", "chain", "number"),
)

chains = Table(
    "chains",
    metadata,
    _organisation(),
    _id("chain"),
    Column("length", Integer, nullable=False),
    Column("head", String(64), nullable=False),
)

hub_facts = Table(
    "hub_facts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
