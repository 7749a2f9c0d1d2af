"""Runs migrations on the connection that the caller opened: each step in a transaction of its own."""

from alembic import context

from api.db import retention_tables, rule_tables  # noqa: F401 - their tables are among those compared
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
