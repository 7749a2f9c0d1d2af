"""Indexes for pages that are filtered by time, state or rule, and partial ones on PostgreSQL too."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NEW = (
    ("ix_alerts_created_at", "alerts", ["created_at"], None),
    ("ix_alerts_status_id", "alerts", ["status", "id"], None),
    ("ix_alerts_workload_id_status_id", "alerts", ["workload_id", "status", "id"], None),
    ("ix_alerts_rule_id", "alerts", ["rule", "id"], None),
    ("ix_alerts_level_id", "alerts", ["level", "id"], None),
    ("ix_matches_raised_at", "matches", ["raised_at"], None),
    ("ix_scores_anomalous_id", "scores", ["id"], "verdict = 'anomalous'"),
    ("ix_scores_anomalous_workload_id_id", "scores", ["workload_id", "id"], "verdict = 'anomalous'"),
)
# SQLite's are partial since they were made; PostgreSQL was not told the condition.
PARTIAL = (
    ("ix_matches_pending", "matches", ["id"], "outcome IS NULL"),
    ("ix_matches_waiting", "matches", ["id"], "outcome = 'waiting'"),
    ("ix_matches_samples", "matches", ["alert_id", "id"], "payload IS NOT NULL"),
)


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        for each in NEW:
            _create(*each)
        return
    with op.get_context().autocommit_block():
        for each in (*NEW, *PARTIAL):
            _create_beside_a_service(*each)


def downgrade() -> None:
    for name, table, *_ in NEW:
        op.drop_index(name, table)
    if op.get_context().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            for name, table, columns, _ in PARTIAL:
                _create_beside_a_service(name, table, columns, None)


def _create_beside_a_service(name: str, table: str, columns: list[str], where: str | None) -> None:
    """Keep no writer waiting; what a try before this one left half built is in the way."""
    op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
    _create(name, table, columns, where, postgresql_concurrently=True)


def _create(name: str, table: str, columns: list[str], where: str | None, **options: Any) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition, **options)
