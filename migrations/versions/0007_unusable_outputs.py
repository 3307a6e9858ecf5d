"""How many rows of an hour have no prediction of any use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
additive = True  # programs that know the schema before run on this one, too
answers_before = True  # and a new one answers (--role api) before this is run: what it adds may read as empty
asked = ()


def upgrade() -> None:
    """A table that says nothing yet: hours that were counted before count as if all of their predictions were of use,
    until they are counted again."""
    op.create_table(
        "unusable_outputs",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("model_id", "hour", "version", "segment"),
    )
