"""Drift of each replica with its history, and what unlearning a window needs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("ended IS NULL")
KEPT = sa.text("payload IS NOT NULL AND processed_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("ledgers", sa.Column("window_ms", sa.BigInteger(), nullable=True))
    op.add_column("ledgers", sa.Column("bets", sa.JSON(), nullable=True))
    op.add_column("containers", sa.Column("bets", sa.JSON(), nullable=True))
    op.add_column("baselines", sa.Column("taught_by", sa.LargeBinary(), nullable=True))
    op.add_column("baselines", sa.Column("completeness", sa.String(), nullable=True))
    op.add_column("scores", sa.Column("learned_score", sa.Double(), nullable=True))
    op.create_index("ix_inbox_kept", "inbox", ["processed_at"], sqlite_where=KEPT, postgresql_where=KEPT)
    op.create_table(
        "drifts",
        sa.Column("id", ID, nullable=False),
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("reported", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Double(), nullable=False),
        sa.Column("needed", sa.Double(), nullable=False),
        sa.Column("reporting", sa.BigInteger(), nullable=False),
        sa.Column("replicas", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_drifts_workload_id_workloads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drifts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_drifts_workload_id_id", "drifts", ["workload_id", "id"])
    op.create_index("ix_drifts_open", "drifts", ["workload_id"], sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    op.drop_table("drifts")
    op.drop_index("ix_inbox_kept", table_name="inbox")
    op.drop_column("scores", "learned_score")
    op.drop_column("baselines", "completeness")
    op.drop_column("baselines", "taught_by")
    op.drop_column("containers", "bets")
    op.drop_column("ledgers", "bets")
    op.drop_column("ledgers", "window_ms")
