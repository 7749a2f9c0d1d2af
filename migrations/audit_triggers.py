"""What keeps the audit log as it was written: triggers, in the words of each database."""

from typing import Final

from sqlalchemy import Connection

_SAYS: Final = "the audit log is append-only"
_SQLITE: Final = {
    f"audit_no_{verb}": f"""
        CREATE TRIGGER audit_no_{verb} BEFORE {verb.upper()} ON audit
        BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END
    """
    for verb in ("update", "delete")
}
# REPLACE deletes a row without the trigger of deletes, unless recursive triggers are on.
_SQLITE["audit_no_replace"] = f"""
    CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END
"""  # noqa: S608 - a constant
_POSTGRESQL: Final = (
    f"""
        CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{_SAYS}'; END $$
    """,
    """
        CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
        FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()
    """,
    """
        CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """,
)


def create_triggers(connection: Connection) -> None:
    """Refuse every change of the audit log but new entries."""
    statements = _SQLITE.values() if connection.dialect.name == "sqlite" else _POSTGRESQL
    for each in statements:
        connection.exec_driver_sql(each)


def drop_triggers(connection: Connection) -> None:
    """Allow changes of the audit log again."""
    if connection.dialect.name == "sqlite":
        for name in _SQLITE:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return
    for name in ("audit_no_change", "audit_no_truncate"):
        connection.exec_driver_sql(f"DROP TRIGGER {name} ON audit")
    connection.exec_driver_sql("DROP FUNCTION audit_is_append_only()")
