"""Roll-ups of scores, what retention dropped, and the rate of windows that a threshold was made of."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("scores", sa.Column("windows_per_week", sa.Double(), nullable=True))
    op.create_table(
        "rollups",
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("span_ms", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("normal", sa.BigInteger(), nullable=False),
        sa.Column("anomalous", sa.BigInteger(), nullable=False),
        sa.Column("insufficient", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("p_values", sa.JSON(), nullable=False),
        sa.Column("lost", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_rollups_workload_id_workloads")
        ),
        sa.PrimaryKeyConstraint("workload_id", "span_ms", "start", name=op.f("pk_rollups")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rollups_span_ms_start", "rollups", ["span_ms", "start"])
    op.create_table(
        "rollup_marks",
        sa.Column("id", ID, nullable=False),
        sa.Column("score_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollup_marks")),
    )
    op.create_table(
        "dropped",
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("oldest", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "cause", "what", name=op.f("pk_dropped")),
    )


def downgrade() -> None:
    op.drop_table("dropped")
    op.drop_table("rollup_marks")
    op.drop_table("rollups")
    op.drop_column("scores", "windows_per_week")
