"""Tables of channels and of what is to be delivered through them (ADR 0092)."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class ChannelRow(Base):
    """A receiver of alerts, and how far it has been served."""

    __tablename__ = "channels"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    shown: Mapped[str]
    """The address without what may be secret in it."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Address and secrets, encrypted with the key in the state folder (ADR 0093)."""
    format: Mapped[str]
    filters: Mapped[dict[str, Any]]
    pacing: Mapped[dict[str, Any]]
    enabled: Mapped[bool]
    disabled_reason: Mapped[str | None]
    created_at: Mapped[int]
    updated_at: Mapped[int]
    routed_to: Mapped[int]
    """The newest row of `alert_changes` that was looked at for this channel."""
    troubles: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Which troubles of nonself itself it is told of; None: of none."""
    troubles_routed_to: Mapped[int] = mapped_column(server_default="0", default=0)
    """The newest row of `trouble_changes` that was looked at for this channel."""
    failures: Mapped[int] = mapped_column(server_default="0", default=0)
    """Attempts in a row that found the receiver down."""
    resume_at: Mapped[int] = mapped_column(server_default="0", default=0)
    """No attempt is made before."""
    last_error: Mapped[str | None]
    delivered_at: Mapped[int | None]
    resent_at: Mapped[int | None]
    """When all open alerts were last sent, of a kind that is told of them again and again."""


class DeliveryRow(Base):
    """One message to one channel, kept until it was delivered or given up."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_waiting",
            "channel_id",
            "id",
            sqlite_where=text("state IN ('pending', 'held')"),
            postgresql_where=text("state IN ('pending', 'held')"),
        ),
        Index("ix_deliveries_channel_id_state_id", "channel_id", "state", "id"),
        Index("ix_deliveries_settled_at", "settled_at"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"))
    alert_id: Mapped[int | None]
    """None: about a trouble, or a digest of several."""
    trouble_id: Mapped[int | None]
    """None: about an alert, or a digest of several."""
    change_id: Mapped[int | None]
    """A row of `alert_changes`, or of `trouble_changes` where it is about a trouble."""
    traceparent: Mapped[str | None]
    """Of the span in which that happened, where its trace is kept."""
    message_id: Mapped[str]
    """Stays the same over all attempts, so that a receiver can tell a repetition."""
    event: Mapped[dict[str, Any]]
    """What happened, and the alert as it then was."""
    state: Mapped[str]
    created_at: Mapped[int]
    expires_at: Mapped[int]
    """An attempt that fails at or after this time is the last."""
    next_attempt_at: Mapped[int]
    attempts: Mapped[int]
    last_attempt_at: Mapped[int | None]
    last_error: Mapped[str | None]
    settled_at: Mapped[int | None]
    """When it was delivered, given up or joined to a digest."""
    digest_id: Mapped[int | None]
