"""Suppressions, and which findings and alerts they concern."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SILENCED = ("findings", "matches")
CONCERNED = ("findings", "matches", "alerts")


def upgrade() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", ID, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("workload_id", ID, nullable=True),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("ngrams", sa.JSON(), nullable=False),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.Column("arch", sa.String(), nullable=False),
        sa.Column("alert_id", ID, nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("suppressed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_suppressions_workload_id_workloads")
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_suppressions_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_suppressions_workload_id"), "suppressions", ["workload_id"])
    op.create_index(
        "ix_suppressions_active",
        "suppressions",
        ["expires_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    for table in CONCERNED:
        op.add_column(table, sa.Column("suppression_id", sa.BigInteger(), nullable=True))
    op.add_column("findings", sa.Column("unseen", sa.JSON(), nullable=True))
    for table in SILENCED:
        op.create_index(
            f"ix_{table}_suppression_id",
            table,
            ["suppression_id"],
            sqlite_where=sa.text("suppression_id IS NOT NULL"),
            postgresql_where=sa.text("suppression_id IS NOT NULL"),
        )


def downgrade() -> None:
    for table in SILENCED:
        op.drop_index(f"ix_{table}_suppression_id", table)
    op.drop_column("findings", "unseen")
    for table in CONCERNED:
        op.drop_column(table, "suppression_id")
    op.drop_table("suppressions")
