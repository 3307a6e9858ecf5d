"""References are counted by segment too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
additive = True  # programs that know the schema before run on this one, too


def upgrade() -> None:
    """Make the table of profiles by segment."""
    op.create_table(
        "segment_profiles",
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("binning_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["binning_id"], ["binnings.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reference_id"], ["model_references.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("reference_id", "binning_id", "version", "segment"),
    )
