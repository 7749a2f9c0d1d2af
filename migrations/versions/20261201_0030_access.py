"""Tokens that end, are limited and are rotated; an audit log that nothing changes."""

import sqlalchemy as sa
from alembic import op

from migrations.audit_triggers import create_triggers, drop_triggers

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("expires_at", sa.BigInteger()),
    ("last_used_at", sa.BigInteger()),
    ("namespaces", sa.JSON()),
    ("workloads", sa.JSON()),
    ("node", sa.String()),
    ("previous_digest", sa.LargeBinary(32)),
    ("previous_until", sa.BigInteger()),
)


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("tokens", sa.Column(name, kind, nullable=True))
    op.create_index("ix_tokens_previous_digest", "tokens", ["previous_digest"])
    op.create_index("ix_audit_actor_id", "audit", ["actor", "id"])
    create_triggers(op.get_bind())


def downgrade() -> None:
    drop_triggers(op.get_bind())
    op.drop_index("ix_audit_actor_id", "audit")
    op.drop_index("ix_tokens_previous_digest", "tokens")
    for name, _ in reversed(_COLUMNS):
        op.drop_column("tokens", name)
