"""What is switched on or off, as it is stored."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.rule_tables import RuleSelectionRow
from wire.bundle import By, Scope, Selection


def list_rows(session: Session) -> list[RuleSelectionRow]:
    """Return all selections, oldest first."""
    return list(session.scalars(select(RuleSelectionRow).order_by(RuleSelectionRow.id)))


def read_selections(session: Session) -> list[Selection]:
    """Return all selections as agents see them, oldest first."""
    return [to_selection(row) for row in list_rows(session)]


def to_selection(row: RuleSelectionRow) -> Selection:
    """Return a stored selection as agents see it."""
    return Selection(
        enable=row.enable,
        by=By(row.by),
        pattern=row.pattern,
        scope=Scope(namespace=row.namespace, workload=row.workload),
    )
