"""Decides which keys are trusted, and until when."""

import base64
import binascii
from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy.orm import Session

from api.audit import record
from api.clock import to_datetime, to_ms
from api.db.baseline_tables import TrustedKeyRow
from api.errors import InvalidError, NotPossibleError, existing
from api.keys import repository
from api.keys.schemas import KeyIn, KeyOut, KeysOut, KeyState

_BYTES = 32


def list_all(session: Session, now_ms: int) -> KeysOut:
    """Return all keys that are or were trusted."""
    return KeysOut(items=[show(row, now_ms) for row in repository.list_all(session)])


def trust(session: Session, wish: KeyIn, *, actor: str, now_ms: int) -> KeyOut:
    """Trust a key from now on.

    Raises:
        InvalidError: It is no Ed25519 public key, or has expired.
        NotPossibleError: It is known already, by name or bytes.
    """
    public_key = parse(wish.public_key)
    expires_at = to_ms(wish.expires_at) if wish.expires_at else None
    if expires_at is not None and expires_at <= now_ms:
        msg = f"expires_at: expected a time to come; got {wish.expires_at}."
        raise InvalidError(msg)
    known = repository.find_same(session, name=wish.name, public_key=public_key)
    if known is not None:
        same = "name" if known.name == wish.name else "bytes"
        msg = f"A key of this {same} is known already: {known.name!r} is {state_of(known, now_ms).value}."
        raise NotPossibleError(msg)
    row = repository.add(session, name=wish.name, public_key=public_key, expires_at=expires_at, now_ms=now_ms)
    detail = {"name": wish.name, "public_key": to_text(public_key), "reason": wish.reason}
    record(session, now_ms=now_ms, actor=actor, action="key.trust", target=str(row.id), detail=detail)
    return show(row, now_ms)


def revoke(session: Session, key_id: int, *, reason: str, actor: str, now_ms: int) -> KeyOut:
    """Trust a key no longer; what was imported under it stays.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = existing(repository.find(session, key_id), f"key {key_id}")
    if row.revoked_at is None:
        row.revoked_at = now_ms
        detail = {"name": row.name, "reason": reason}
        record(session, now_ms=now_ms, actor=actor, action="key.revoke", target=str(key_id), detail=detail)
    return show(row, now_ms)


def state_of(row: TrustedKeyRow, now_ms: int) -> KeyState:
    """Return whether bundles of a key are taken now."""
    if row.revoked_at is not None:
        return KeyState.REVOKED
    return KeyState.EXPIRED if row.expires_at is not None and row.expires_at <= now_ms else KeyState.TRUSTED


def show(row: TrustedKeyRow, now_ms: int) -> KeyOut:
    """Return a key as REST shows it."""
    return KeyOut(
        id=row.id,
        name=row.name,
        public_key=to_text(row.public_key),
        state=state_of(row, now_ms),
        created_at=to_datetime(row.created_at),
        expires_at=to_datetime(row.expires_at) if row.expires_at is not None else None,
        revoked_at=to_datetime(row.revoked_at) if row.revoked_at is not None else None,
    )


def parse(text: str) -> bytes:
    """Return the 32 bytes of a public key given in base64 or PEM.

    Raises:
        InvalidError: It is none.

    Examples:
        >>> len(parse("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="))
        32
    """
    if text.lstrip().startswith("-----BEGIN"):
        try:
            key = load_pem_public_key(text.encode())
        except (ValueError, UnsupportedAlgorithm):
            _refuse("PEM that is not a public key")
        return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else _refuse("another kind of key")
    try:
        plain = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        _refuse("text that is not base64")
    return plain if len(plain) == _BYTES else _refuse(f"{len(plain)} bytes")


def to_text(public_key: bytes) -> str:
    """Return a public key as it is shown."""
    return base64.b64encode(public_key).decode()


def _refuse(got: str) -> NoReturn:
    msg = f"public_key: expected the 32 bytes of an Ed25519 public key in base64, or PEM; got {got}."
    raise InvalidError(msg)
