"""The order of what gateways say of themselves: replicas may handle two messages of one gateway in any order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
oldest = "0003"
"""A program of that revision neither writes these columns nor reads them."""


def upgrade() -> None:
    with op.batch_alter_table("gateways", schema=None) as batch_op:
        batch_op.add_column(sa.Column("status_boot", sa.String(length=64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("status_number", sa.BigInteger(), nullable=False, server_default="0"))
