"""Decides what a token may be called, makes its secret and revokes it."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from api.audit import record
from api.db.access_tables import TokenRow
from api.errors import InvalidError, NotFoundError
from api.tokens import repository
from wire.codec import signing_key

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Role(StrEnum):
    """What the bearer of a token may do."""

    ADMIN = "admin"
    """Read everything and change modes."""
    READ = "read"
    """Read everything."""
    TRIAGE = "triage"
    """Read everything and say what becomes of alerts."""
    INGEST = "ingest"
    """Send profiles, nothing else."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request."""

    name: str
    role: Role
    key: bytes
    """SHA-256 of the token, with which a body is signed."""


def create(session: Session, *, name: str, role: Role, now_ms: int, actor: str) -> str:
    """Make a token and return its secret, which nobody can read again.

    Raises:
        InvalidError: The name is not lower-case letters, digits, `.`, `_`, `-`, or is taken.
    """
    if not _NAME.fullmatch(name):
        msg = f"name: expected 1 to 63 of a-z, 0-9, '.', '_' and '-'; got {name!r}."
        raise InvalidError(msg)
    if repository.find_by_name(session, name):
        msg = f"name: a token named {name!r} exists already."
        raise InvalidError(msg)
    secret = f"nonself_{role.value}_{secrets.token_urlsafe(32)}"
    repository.add(session, name=name, role=role.value, digest=signing_key(secret), now_ms=now_ms)
    record(
        session, now_ms=now_ms, actor=actor, action="token.create", target=name, detail={"role": role.value}
    )
    return secret


def authenticate(session: Session, secret: str) -> Principal | None:
    """Return who bears a token; None if it is unknown or revoked."""
    key = signing_key(secret)
    row = repository.find_active(session, key)
    return Principal(row.name, Role(row.role), key) if row else None


def revoke(session: Session, *, name: str, now_ms: int, actor: str) -> None:
    """Make a token worthless from now on.

    Raises:
        NotFoundError: No token has this name.
    """
    row = repository.find_by_name(session, name)
    if row is None:
        msg = f"No token is named {name!r}."
        raise NotFoundError(msg)
    if row.revoked_at is None:
        row.revoked_at = now_ms
        record(session, now_ms=now_ms, actor=actor, action="token.revoke", target=name, detail={})


def list_all(session: Session) -> Sequence[TokenRow]:
    """Return all tokens, oldest first."""
    return repository.list_all(session)
