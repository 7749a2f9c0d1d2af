"""The table of what waits to be posted in Falco's shape."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class FalcoQueueRow(Base):
    """One alert for one URL; written in the transaction that raised it, deleted once it was answered."""

    __tablename__ = "falco_queue"
    __table_args__ = (Index("ix_falco_queue_target_id", "target", "id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    target: Mapped[str]
    """The URL as `--falco-output` names it."""
    line: Mapped[str]
    """The alert as JSON."""
