"""Rows may be deleted earlier than the summaries of their hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
additive = True  # programs that know the schema before run on this one, too


def upgrade() -> None:
    """Note from which hour on rows are kept; all of them where nothing was deleted."""
    op.add_column("models", sa.Column("rows_since", sa.BigInteger()))
