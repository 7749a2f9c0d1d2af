"""What people say of alerts, and what lists of alerts are searched by."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("triage", sa.String(), server_default="new", nullable=False))
    op.add_column("alerts", sa.Column("verdict", sa.String(), nullable=True))
    op.add_column("alerts", sa.Column("assignee", sa.String(), nullable=True))
    op.add_column("alerts", sa.Column("revision", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("alerts", sa.Column("message", sa.String(), nullable=True))
    op.add_column("alerts", sa.Column("techniques", sa.String(), nullable=True))
    op.create_index("ix_alerts_triage_id", "alerts", ["triage", "id"])


def downgrade() -> None:
    op.drop_index("ix_alerts_triage_id", "alerts")
    for column in ("techniques", "message", "revision", "assignee", "verdict", "triage"):
        op.drop_column("alerts", column)
