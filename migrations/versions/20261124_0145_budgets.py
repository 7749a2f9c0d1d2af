"""A budget for each workload, and what became of it week by week."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("workloads", sa.Column("budget_per_week", sa.Double(), nullable=True))
    op.create_table(
        "ledgers",
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("newest_start", sa.BigInteger(), nullable=False),
        sa.Column("newest_windows", sa.BigInteger(), nullable=False),
        sa.Column("slots", sa.BigInteger(), nullable=False),
        sa.Column("replicas", sa.Double(), nullable=False),
        sa.Column("anomaly_end", sa.BigInteger(), nullable=True),
        sa.Column("drift_evidence", sa.Double(), nullable=False),
        sa.Column("drift_began", sa.BigInteger(), nullable=True),
        sa.Column("drift_since", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_ledgers_workload_id_workloads")
        ),
        sa.PrimaryKeyConstraint("workload_id", name=op.f("pk_ledgers")),
    )
    op.create_table(
        "weeks",
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("ranked", sa.BigInteger(), nullable=False),
        sa.Column("at_5_percent", sa.BigInteger(), nullable=False),
        sa.Column("at_1_percent", sa.BigInteger(), nullable=False),
        sa.Column("at_1_permille", sa.BigInteger(), nullable=False),
        sa.Column("alerts", sa.BigInteger(), nullable=False),
        sa.Column("exposure", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_weeks_workload_id_workloads")
        ),
        sa.PrimaryKeyConstraint("workload_id", "start", name=op.f("pk_weeks")),
    )


def downgrade() -> None:
    op.drop_table("weeks")
    op.drop_table("ledgers")
    op.drop_column("workloads", "budget_per_week")
