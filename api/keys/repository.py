"""Reads and writes trusted keys."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.baseline_tables import TrustedKeyRow


def list_all(session: Session) -> Sequence[TrustedKeyRow]:
    """Return all keys that are or were trusted, oldest first."""
    return session.scalars(select(TrustedKeyRow).order_by(TrustedKeyRow.id)).all()


def find(session: Session, key_id: int) -> TrustedKeyRow | None:
    """Return one key."""
    return session.get(TrustedKeyRow, key_id)


def find_same(session: Session, *, name: str, public_key: bytes) -> TrustedKeyRow | None:
    """Return a key that has this name or these bytes."""
    query = select(TrustedKeyRow)
    return session.scalar(
        query.where((TrustedKeyRow.name == name) | (TrustedKeyRow.public_key == public_key)).limit(1)
    )


def find_by_bytes(session: Session, public_key: bytes) -> TrustedKeyRow | None:
    """Return the key of these bytes, trusted or not any more."""
    return session.scalar(select(TrustedKeyRow).where(TrustedKeyRow.public_key == public_key))


def add(
    session: Session, *, name: str, public_key: bytes, expires_at: int | None, now_ms: int
) -> TrustedKeyRow:
    """Store a key."""
    row = TrustedKeyRow(name=name, public_key=public_key, created_at=now_ms, expires_at=expires_at)
    session.add(row)
    session.flush()
    return row
