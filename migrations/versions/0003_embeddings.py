"""A feature may be a vector of a fixed dimension."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Note the dimension of a column; others have none."""
    op.add_column("columns", sa.Column("dimension", sa.Integer()))
