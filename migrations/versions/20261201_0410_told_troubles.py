"""Channels that are told of troubles of nonself itself, and traces from a batch to a message."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TRACED = ("inbox", "matches", "alert_changes", "deliveries")


def upgrade() -> None:
    op.add_column("channels", sa.Column("troubles", sa.JSON(), nullable=True))
    op.add_column(
        "channels", sa.Column("troubles_routed_to", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("deliveries", sa.Column("trouble_id", sa.BigInteger(), nullable=True))
    for table in TRACED:
        op.add_column(table, sa.Column("traceparent", sa.String(), nullable=True))
    # A channel that is opened to troubles is told of those from then on, and of no history.
    op.execute("UPDATE channels SET troubles_routed_to = (SELECT COALESCE(MAX(id), 0) FROM trouble_changes)")


def downgrade() -> None:
    for table in TRACED:
        op.drop_column(table, "traceparent")
    op.drop_column("deliveries", "trouble_id")
    op.drop_column("channels", "troubles_routed_to")
    op.drop_column("channels", "troubles")
