"""Changes of workloads to new images, and the version that judged a window where it is not the live one."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0019"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.add_column("scores", sa.Column("version_id", sa.BigInteger(), nullable=True))
    op.create_table(
        "upgrades",
        sa.Column("id", ID, nullable=False),
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("image", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("predecessor_id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("windows", sa.BigInteger(), nullable=False),
        sa.Column("quiet", sa.BigInteger(), nullable=False),
        sa.Column("newest_start", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("difference", sa.JSON(), nullable=True),
        sa.Column("inherited", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_upgrades_workload_id_workloads")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], ["baseline_versions.id"], name=op.f(f"fk_upgrades_{column}_baseline_versions")
            )
            for column in ("predecessor_id", "version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upgrades")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_upgrades_workload_id_digest", "upgrades", ["workload_id", "digest"])
    op.create_index("ix_upgrades_open", "upgrades", ["id"], sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    op.drop_table("upgrades")
    op.drop_column("scores", "version_id")
