"""Alerts that wait to be posted in Falco's shape."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "falco_queue",
        sa.Column("id", ID, nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_falco_queue")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_falco_queue_target_id", "falco_queue", ["target", "id"])


def downgrade() -> None:
    op.drop_table("falco_queue")
