"""Tables of what is wrong with nonself itself."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class TroubleRow(Base):
    """Something that was wrong for a time, or still is; one of a kind and subject is open at most."""

    __tablename__ = "troubles"
    __table_args__ = (
        Index(
            "uq_troubles_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_troubles_closed_at", "closed_at"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    said: Mapped[str]
    value: Mapped[float]
    """The newest while it was open."""
    opened_at: Mapped[int]
    updated_at: Mapped[int]
    closed_at: Mapped[int | None]


class TroubleChangeRow(Base):
    """That a trouble opened or closed; ids grow in the order of commits, so none falls behind a cursor."""

    __tablename__ = "trouble_changes"
    __table_args__ = (Index("ix_trouble_changes_trouble_id", "trouble_id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    trouble_id: Mapped[int] = mapped_column(ForeignKey("troubles.id"))
    change: Mapped[str]
    """`opened` or `closed`."""
    at: Mapped[int]
