"""What is wrong with nonself itself, and when it began and ended."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "troubles",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_troubles")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_troubles_open",
        "troubles",
        ["kind", "subject"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_troubles_closed_at", "troubles", ["closed_at"])
    op.create_table(
        "trouble_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("trouble_id", ID, nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trouble_id"], ["troubles.id"], name=op.f("fk_trouble_changes_trouble_id_troubles")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trouble_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trouble_changes_trouble_id", "trouble_changes", ["trouble_id"])


def downgrade() -> None:
    op.drop_table("trouble_changes")
    op.drop_table("troubles")
