"""What happens to alerts, one row for each change."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_changes_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_changes_alert_id_id", "alert_changes", ["alert_id", "id"])


def downgrade() -> None:
    op.drop_table("alert_changes")
