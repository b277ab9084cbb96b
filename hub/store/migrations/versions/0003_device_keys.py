"""Keys of devices: sealed, one row per root key that a device ever had; generations; enrolments of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from hub.store.tables import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_EVENT_KEY = ("organisation", "address", "enrolment", "epoch", "sequence", "stage", "life")


def upgrade() -> None:
    op.create_table(
        "device_keys",
        sa.Column("organisation", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=17), nullable=False),
        sa.Column("enrolment", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_root", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("taken_generation", sa.Integer(), nullable=True),
        sa.Column("trusted_from", sa.Integer(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("replaced_at", Instant(), nullable=True),
        sa.Column("retired_at", Instant(), nullable=True),
        sa.Column("ordered_at", Instant(), nullable=True),
        sa.Column("rekey_from", Instant(), nullable=True),
        sa.Column("rekeyed_at", Instant(), nullable=True),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "address", "enrolment", name=op.f("pk_device_keys")),
    )
    _seal_what_is_there()
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_column("key")
        batch_op.add_column(sa.Column("withdrawn_at", Instant(), nullable=True))
    _events()
    _presence()


def _seal_what_is_there() -> None:
    connection, vault = op.get_bind(), context.config.attributes["vault"]
    devices = sa.table("devices", sa.column("organisation"), sa.column("address"), sa.column("key"))
    names = ("organisation", "address", "enrolment", "sealed_root", "generation", "trusted_from", "since")
    device_keys = sa.table("device_keys", *(sa.column(name) for name in names))
    for device in connection.execute(sa.select(devices)).all():
        sealed = vault.seal(bytes(device.key), f"device key {device.organisation}/{device.address}/1")
        who = {"organisation": device.organisation, "address": device.address, "enrolment": 1}
        state = {"sealed_root": sealed, "generation": 0, "trusted_from": 0, "since": sa.func.current_timestamp()}
        connection.execute(sa.insert(device_keys).values(**who, **state))


def _events() -> None:
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("enrolment", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("life", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("doubt", sa.String(length=200), nullable=True))
    with op.batch_alter_table("events", schema=None) as batch_op:
        for name in ("enrolment", "life", "generation"):
            batch_op.alter_column(name, server_default=None)
        batch_op.drop_constraint("pk_events", type_="primary")
        batch_op.create_primary_key("pk_events", list(_EVENT_KEY))


def _presence() -> None:
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("enrolment", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("mark_counter", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("mark_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("next_mark_counter", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("next_mark_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("passed", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("passed_since", Instant(), nullable=True))
    op.execute(sa.text("UPDATE presence SET mark_counter = counter, mark_at = heard_at"))
    op.execute(sa.text("UPDATE presence SET next_mark_counter = counter, next_mark_at = heard_at"))
    with op.batch_alter_table("presence", schema=None) as batch_op:
        for name in ("enrolment", "generation", "passed"):
            batch_op.alter_column(name, server_default=None)
        for name in ("mark", "next_mark"):
            batch_op.alter_column(f"{name}_counter", existing_type=sa.BigInteger(), nullable=False)
            batch_op.alter_column(f"{name}_at", existing_type=Instant(), nullable=False)
        batch_op.drop_constraint("pk_presence", type_="primary")
        batch_op.create_primary_key("pk_presence", ["organisation", "address", "enrolment"])


def downgrade() -> None:
    raise NotImplementedError("keys that were sealed are not laid open again; restore a backup instead")
