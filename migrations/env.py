"""Runs migrations on the connection that the caller opened: each step in a transaction of its own."""

from alembic import context

# Their tables are among those compared.
from api.db import (  # noqa: F401
    access_tables,
    alert_tables,
    baseline_tables,
    falco_tables,
    push_tables,
    retention_tables,
    rule_tables,
    suppression_tables,
    trouble_tables,
    upgrade_tables,
)
from api.db.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    transaction_per_migration=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
