"""Reads and writes tokens."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.access_tables import TokenRow


def add(session: Session, *, name: str, role: str, digest: bytes, now_ms: int) -> TokenRow:
    """Store a token's hash."""
    row = TokenRow(name=name, role=role, digest=digest, created_at=now_ms, revoked_at=None)
    session.add(row)
    session.flush()
    return row


def find_active(session: Session, digest: bytes) -> TokenRow | None:
    """Return the token with this hash, unless it was revoked."""
    return session.scalar(select(TokenRow).where(TokenRow.digest == digest, TokenRow.revoked_at.is_(None)))


def find_by_name(session: Session, name: str) -> TokenRow | None:
    """Return the token of this name, revoked or not."""
    return session.scalar(select(TokenRow).where(TokenRow.name == name))


def list_all(session: Session) -> Sequence[TokenRow]:
    """Return all tokens, oldest first."""
    return session.scalars(select(TokenRow).order_by(TokenRow.id)).all()
