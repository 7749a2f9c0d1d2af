"""Workload identity from the cluster: owner, role of the container, and other keys of a workload."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in ("owner_kind", "owner_name", "role"):
        op.add_column("workloads", sa.Column(column, sa.String(), nullable=True))
    op.add_column("workloads", sa.Column("adopted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "workload_aliases",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("namespace", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("container", sa.String(), nullable=False),
        sa.Column("workload_id", ID, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_workload_aliases_workload_id_workloads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workload_aliases")),
        sa.UniqueConstraint(
            "kind", "cluster", "namespace", "name", "container",
            name=op.f("uq_workload_aliases_kind_cluster_namespace_name_container"),
        ),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index(op.f("ix_workload_aliases_workload_id"), "workload_aliases", ["workload_id"])


def downgrade() -> None:
    op.drop_table("workload_aliases")
    for column in ("adopted", "role", "owner_name", "owner_kind"):
        op.drop_column("workloads", column)
