"""When findings joined an alert, people's verdicts in one place, and how far back changes are complete."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("last_finding_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "stream_marks",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("dropped_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_stream_marks")),
    )
    # A suppression closed an alert and left what people see of it as it was.
    op.execute(
        "UPDATE alerts SET triage = 'closed', verdict = 'benign' "
        "WHERE suppression_id IS NOT NULL AND status = 'closed' AND triage IN ('new', 'acknowledged')"
    )
    # Reopening left an alert closed to findings; where none of its cause came later, it is the open one.
    op.execute(
        "UPDATE alerts SET status = 'open' WHERE triage = 'acknowledged' AND status = 'closed' "
        "AND NOT EXISTS (SELECT 1 FROM alerts AS later WHERE later.workload_id = alerts.workload_id "
        "AND later.id > alerts.id AND later.kind = alerts.kind "
        "AND coalesce(later.rule, '') = coalesce(alerts.rule, ''))"
    )


def downgrade() -> None:
    op.drop_table("stream_marks")
    op.drop_column("alerts", "last_finding_at")
