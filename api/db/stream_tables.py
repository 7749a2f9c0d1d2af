"""The table of how far back the lists of changes are complete."""

from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Base


class StreamMarkRow(Base):
    """The newest change of one list that retention dropped; the list is complete after it."""

    __tablename__ = "stream_marks"

    stream: Mapped[str] = mapped_column(primary_key=True)
    dropped_to: Mapped[int]
