"""Credentials of gateways and programs, enrolment codes, facts of the hub itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("organisation", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_table(
        "credentials",
        sa.Column("organisation", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("proved_at", Instant(), nullable=True),
        sa.Column("rotate_asked_at", Instant(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("ended_why", sa.String(length=200), nullable=True),
        sa.Column("used_from", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "gateway", "generation", name=op.f("pk_credentials")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_credentials_secret_hash")),
    )
    op.create_table(
        "enrolment_codes",
        sa.Column("organisation", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("claim_hash", sa.String(length=64), nullable=True),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "id", name=op.f("pk_enrolment_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_enrolment_codes_code_hash")),
    )
    op.create_table(
        "hub_facts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hub_facts")),
    )
    op.create_table(
        "keyring_fetches",
        sa.Column("organisation", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("fetched_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "gateway", name=op.f("pk_keyring_fetches")),
    )
    op.create_table(
        "wired_events",
        sa.Column("organisation", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("button", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sign", sa.String(length=20), nullable=False),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.Column("time_quality", sa.String(length=20), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("incident", sa.String(length=64), nullable=True),
        sa.Column("told", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "gateway", "boot", "button", "number", name=op.f("pk_wired_events")),
    )
    op.create_index(op.f("ix_wired_events_organisation_incident"), "wired_events", ["organisation", "incident"])
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("worker", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("password_until", Instant(), nullable=True))
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.add_column(sa.Column("seen_at", Instant(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.drop_column("seen_at")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("password_until")
        batch_op.drop_column("worker")

    op.drop_table("wired_events")
    op.drop_table("keyring_fetches")
    op.drop_table("hub_facts")
    op.drop_table("enrolment_codes")
    op.drop_table("credentials")
    op.drop_table("api_tokens")
