"""On PostgreSQL, indexes of matches that hold what waits and what is kept whole, as SQLite's do."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PARTIAL = (
    ("ix_matches_pending", ["id"], "outcome IS NULL"),
    ("ix_matches_waiting", ["id"], "outcome = 'waiting'"),
    ("ix_matches_samples", ["alert_id", "id"], "payload IS NOT NULL"),
)


def upgrade() -> None:
    _build_anew(partial=True)


def downgrade() -> None:
    _build_anew(partial=False)


def _build_anew(*, partial: bool) -> None:
    context = op.get_context()
    if context.dialect.name != "postgresql":
        return
    # Beside a running service: an index that is built concurrently keeps no writer waiting, and one that
    # was broken off halfway is in the way of the next try.
    with context.autocommit_block():
        for name, columns, where in PARTIAL:
            op.drop_index(name, "matches", postgresql_concurrently=True, if_exists=True)
            op.create_index(
                name,
                "matches",
                columns,
                postgresql_where=sa.text(where) if partial else None,
                postgresql_concurrently=True,
            )
