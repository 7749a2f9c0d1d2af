"""Which view decided a score, and what each of them said."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable: the release before goes on writing rows without them while this runs.
    op.add_column("scores", sa.Column("view", sa.String(), nullable=True))
    op.add_column("scores", sa.Column("views", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("scores", "views")
    op.drop_column("scores", "view")
