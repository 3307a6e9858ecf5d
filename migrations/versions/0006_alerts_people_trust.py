"""Threads of messages, retrainings that are followed and checked, silences that end with something."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
additive = True  # programs that know the schema before run on this one, too
answers_before = True  # and a new one answers (--role api) before this is run: what it adds may read as empty
# What nobody may lose who asks for it then.
asked = ("silences.ends_with", "trigger_runs.approval", "trigger_runs.closing", "outbox.again")

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Columns that may be empty; what is there stays as it is."""
    for column in (
        sa.Column("thread_of", KEY),
        sa.Column("edits", KEY),
        sa.Column("receipt", sa.JSON()),
        sa.Column("again", sa.Integer()),
        sa.Column("again_at", sa.BigInteger()),
        sa.Column("doubts", sa.Integer()),
    ):
        op.add_column("outbox", column)
    op.create_table(
        "channel_states",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("reason", sa.Text()),
        sa.Column("tested_at", sa.BigInteger()),
        sa.Column("tested", sa.JSON()),
    )
    for column in (
        sa.Column("next_poll_at", sa.BigInteger()),
        sa.Column("polls", sa.Integer()),
        sa.Column("closing", sa.JSON()),
        sa.Column("approval", sa.JSON()),
        sa.Column("doubts", sa.Integer()),
        sa.Column("version", sa.Text()),
        sa.Column("behind", sa.BigInteger()),
    ):
        op.add_column("trigger_runs", column)
    op.add_column("alerts", sa.Column("details", sa.JSON()))
    op.add_column("transitions", sa.Column("noted_at", sa.BigInteger()))
    op.add_column("silences", sa.Column("ends_with", sa.String(20)))
    op.add_column("silences", sa.Column("newest_version", sa.Text()))
