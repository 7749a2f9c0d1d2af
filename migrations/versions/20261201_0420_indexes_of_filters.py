"""Indexes for the other filters of alerts, and on which nodes an alert was seen."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER; these refer to such columns.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEW = (
    ("ix_alerts_kind_id", "alerts", ["kind", "id"]),
    ("ix_alerts_verdict_id", "alerts", ["verdict", "id"]),
    ("ix_alerts_assignee_id", "alerts", ["assignee", "id"]),
    ("ix_alerts_techniques_id", "alerts", ["techniques", "id"]),
    ("ix_alerts_end", "alerts", ["end"]),
    ("ix_alert_changes_created_at", "alert_changes", ["created_at"]),
    ("ix_alert_changes_change_id", "alert_changes", ["change", "id"]),
)
# Written by the database, so that it holds for rows of the release before this one too.
SQLITE = (
    (
        "CREATE TRIGGER findings_tell_nodes AFTER INSERT ON findings WHEN NEW.alert_id IS NOT NULL BEGIN "
        "INSERT OR IGNORE INTO alert_nodes (node_id, alert_id) SELECT c.node_id, NEW.alert_id FROM scores s "
        "JOIN containers c ON c.id = s.container_id WHERE s.id = NEW.score_id; END"
    ),
    (
        "CREATE TRIGGER matches_tell_nodes AFTER UPDATE OF alert_id ON matches WHEN NEW.alert_id IS NOT NULL "
        "BEGIN INSERT OR IGNORE INTO alert_nodes (node_id, alert_id) VALUES (NEW.node_id, NEW.alert_id); END"
    ),
    (
        "CREATE TRIGGER matches_begin_with_nodes AFTER INSERT ON matches WHEN NEW.alert_id IS NOT NULL "
        "BEGIN INSERT OR IGNORE INTO alert_nodes (node_id, alert_id) VALUES (NEW.node_id, NEW.alert_id); END"
    ),
)
POSTGRESQL = (
    (
        "CREATE OR REPLACE FUNCTION findings_tell_nodes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO alert_nodes (node_id, alert_id) SELECT c.node_id, NEW.alert_id FROM scores s "
        "JOIN containers c ON c.id = s.container_id WHERE s.id = NEW.score_id ON CONFLICT DO NOTHING; "
        "RETURN NULL; END $$"
    ),
    (
        "CREATE OR REPLACE FUNCTION matches_tell_nodes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO alert_nodes (node_id, alert_id) VALUES (NEW.node_id, NEW.alert_id) "
        "ON CONFLICT DO NOTHING; RETURN NULL; END $$"
    ),
    (
        "CREATE OR REPLACE TRIGGER findings_tell_nodes AFTER INSERT ON findings FOR EACH ROW "
        "WHEN (NEW.alert_id IS NOT NULL) EXECUTE FUNCTION findings_tell_nodes()"
    ),
    (
        "CREATE OR REPLACE TRIGGER matches_tell_nodes AFTER INSERT OR UPDATE OF alert_id ON matches "
        "FOR EACH ROW WHEN (NEW.alert_id IS NOT NULL) EXECUTE FUNCTION matches_tell_nodes()"
    ),
)
KNOWN = (
    (
        "INSERT INTO alert_nodes (node_id, alert_id) SELECT DISTINCT c.node_id, f.alert_id FROM findings f "
        "JOIN scores s ON s.id = f.score_id JOIN containers c ON c.id = s.container_id "
        "WHERE f.alert_id IS NOT NULL ON CONFLICT DO NOTHING"
    ),
    (
        "INSERT INTO alert_nodes (node_id, alert_id) SELECT DISTINCT node_id, alert_id FROM matches "
        "WHERE alert_id IS NOT NULL ON CONFLICT DO NOTHING"
    ),
)


def upgrade() -> None:
    postgresql = op.get_context().dialect.name == "postgresql"
    # On PostgreSQL this is committed before the copy below; a try that failed there finds it again.
    op.create_table(
        "alert_nodes",
        sa.Column("node_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_alert_nodes_node_id_nodes")),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("fk_alert_nodes_alert_id_alerts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("node_id", "alert_id", name=op.f("pk_alert_nodes")),
        if_not_exists=postgresql,
    )
    op.create_index("ix_alert_nodes_alert_id", "alert_nodes", ["alert_id"], if_not_exists=postgresql)
    for each in POSTGRESQL if postgresql else SQLITE:
        op.execute(each)
    if not postgresql:
        for each in KNOWN:
            op.execute(each)
        for name, table, columns in NEW:
            op.create_index(name, table, columns)
        return
    with op.get_context().autocommit_block():
        # The triggers count from here on; what was there before is copied while a service runs.
        for each in KNOWN:
            op.execute(each)
        for name, table, columns in NEW:
            # What a try before this one left half built is in the way.
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
            op.create_index(name, table, columns, postgresql_concurrently=True)
        _search_by_trigrams()


def _search_by_trigrams() -> None:
    """Index messages by their trigrams where the server has them; without, a search reads all alerts.

    The extension is one that the owner of a database may install (it is `trusted`); not every server has it.
    """
    try:
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError:
        return
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_alerts_message_trigrams")
    op.execute(
        "CREATE INDEX CONCURRENTLY ix_alerts_message_trigrams ON alerts USING gin (message gin_trgm_ops)"
    )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS ix_alerts_message_trigrams")
        for table in ("findings", "matches"):
            op.execute(f"DROP TRIGGER {table}_tell_nodes ON {table}")
            op.execute(f"DROP FUNCTION {table}_tell_nodes()")
    else:
        for name in ("findings_tell_nodes", "matches_tell_nodes", "matches_begin_with_nodes"):
            op.execute(f"DROP TRIGGER {name}")
    for name, table, _ in NEW:
        op.drop_index(name, table)
    op.drop_table("alert_nodes")
