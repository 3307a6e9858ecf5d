"""A feature may be a vector of a fixed dimension."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
additive = True  # programs that know the schema before run on this one, too


def upgrade() -> None:
    """Note the dimension of a column; others have none."""
    op.add_column("columns", sa.Column("dimension", sa.Integer()))
