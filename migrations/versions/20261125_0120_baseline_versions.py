"""Versions of baselines with their states, and keys whose bundles are trusted."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "baseline_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("windows_learned", sa.BigInteger(), nullable=False),
        sa.Column("completeness", sa.String(), nullable=True),
        sa.Column("provenance", sa.JSON(), nullable=True),
        sa.Column("manifest", sa.JSON(), nullable=True),
        sa.Column("taught_by", sa.LargeBinary(), nullable=True),
        sa.Column("snapshot", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_baseline_versions_workload_id_workloads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_baseline_versions")),
        sa.UniqueConstraint("workload_id", "number", name=op.f("uq_baseline_versions_workload_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_baseline_versions_state_id", "baseline_versions", ["state", "id"])
    op.create_table(
        "trusted_keys",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_trusted_keys_name")),
        sa.UniqueConstraint("public_key", name=op.f("uq_trusted_keys_public_key")),
        sqlite_autoincrement=True,
    )
    # The previous release writes neither; the service finds its baselines a version when it starts.
    op.add_column("baselines", sa.Column("version_id", sa.BigInteger(), nullable=True))
    op.add_column("baselines", sa.Column("provenance", sa.JSON(), nullable=True))
    op.add_column("scores", sa.Column("learning_changed_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_baselines_version_id", "baselines", ["version_id"])
    op.create_index("ix_audit_target_action", "audit", ["target", "action"])


def downgrade() -> None:
    op.drop_index("ix_audit_target_action", "audit")
    op.drop_index("ix_baselines_version_id", "baselines")
    op.drop_column("scores", "learning_changed_at")
    op.drop_column("baselines", "provenance")
    op.drop_column("baselines", "version_id")
    op.drop_table("trusted_keys")
    op.drop_table("baseline_versions")
