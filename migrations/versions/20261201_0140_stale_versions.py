"""An index by which retention finds stale versions without reading what they learned."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NAME = "ix_baseline_versions_state_workload_id_changed_at"


def upgrade() -> None:
    op.create_index(NAME, "baseline_versions", ["state", "workload_id", "changed_at", "number"])


def downgrade() -> None:
    op.drop_index(NAME, table_name="baseline_versions")
