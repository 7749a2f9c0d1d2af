"""Among the windows of which phase a score is ranked."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable: the release before goes on writing rows without it while this runs.
    op.add_column("scores", sa.Column("phase", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("scores", "phase")
