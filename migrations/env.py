"""Runs migrations on the connection that the caller opened: each step in a transaction of its own."""

from typing import Any

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
    stream_tables,
    suppression_tables,
    trouble_tables,
    upgrade_tables,
)
from api.db.tables import Base


def _is_of_this_database(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:  # noqa: ARG001, FBT001 - as Alembic asks
    """Tell whether an item is one of this kind of database: of some indexes only one kind is capable."""
    return bool(item.info.get("dialect", connection.dialect.name) == connection.dialect.name)


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_object=_is_of_this_database,
    transaction_per_migration=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
