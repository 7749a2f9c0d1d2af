"""Why a window stays learned although a rule matched in it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scores", sa.Column("not_unlearned", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("scores", "not_unlearned")
