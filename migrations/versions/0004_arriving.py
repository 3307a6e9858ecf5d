"""What is on its way into a store of predictions that commits by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
additive = True  # programs that know the schema before run on this one, too


def upgrade() -> None:
    """A table of announcements, empty where predictions share the database."""
    op.create_table(
        "arriving",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("holder", sa.String(40), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("model_id"),
    )
