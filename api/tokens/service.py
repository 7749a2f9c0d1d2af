"""Decides what a token may be called and be for, makes its secret, rotates and revokes it."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from sqlalchemy.orm import Session

from api.audit import record
from api.clock import to_datetime
from api.db.access_tables import TokenRow
from api.db.scope import EVERYTHING, Scope
from api.errors import InvalidError, NotFoundError, NotPossibleError
from api.tokens import repository
from api.tokens.grant import Grant, Role
from wire.codec import signing_key

ENROL_MS: Final = 3_600_000
"""How long a token of role enrol lasts, unless told otherwise."""
__all__ = ["Principal", "Role", "TokenState"]


class TokenState(StrEnum):
    """Whether a token lets anybody in."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request."""

    name: str
    role: Role
    key: bytes
    """SHA-256 of the token, with which a body is signed."""
    scope: Scope = EVERYTHING
    node: str | None = None
    """The only node that it may send for; None: any."""
    token_id: int | None = None
    """None where it came with no token of ours."""
    expires_at: int | None = None
    """Of a token that is none of ours: from when it lets nobody in, in Unix milliseconds."""


def create(
    session: Session,
    *,
    name: str,
    role: Role,
    now_ms: int,
    actor: str,
    expires_at: int | None = None,
    scope: Scope = EVERYTHING,
    node: str | None = None,
) -> str:
    """Make a token and return its secret, which nobody can read again.

    Raises:
        InvalidError: The name cannot be used, or its limits do not fit its role.
        NotPossibleError: The name is taken.
    """
    grant = Grant(name=name, role=role, expires_at=expires_at, scope=scope, node=node)
    return grant_token(session, grant, now_ms=now_ms, actor=actor)[1]


def grant_token(session: Session, grant: Grant, *, now_ms: int, actor: str) -> tuple[TokenRow, str]:
    """Make a token; return it with its secret, which nobody can read again.

    Raises:
        InvalidError: The name cannot be used, or its limits do not fit its role.
        NotPossibleError: The name is taken.
    """
    if grant.role is Role.ENROL and grant.expires_at is None:
        grant = replace(grant, expires_at=now_ms + ENROL_MS)
    grant.check(now_ms)
    if repository.find_by_name(session, grant.name):
        msg = f"name: a token named {grant.name!r} exists already."
        raise NotPossibleError(msg)
    unknown = grant.scope.workloads - repository.find_workloads(session, grant.scope.workloads)
    if unknown:
        msg = f"workloads: there is no workload {min(unknown)}."
        raise InvalidError(msg)
    secret = _secret(grant.role)
    row = repository.add(session, grant, digest=signing_key(secret), now_ms=now_ms)
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action="token.create",
        target=grant.name,
        detail=_told(row),
    )
    return row, secret


def look_up(session: Session, secret: str, now_ms: int) -> TokenRow | None:
    """Return the token of this secret, which may have ended; None where it is nobody's.

    The database compares hashes of 256 random bits: how long that takes says
    nothing of a secret. Which of two good digests it is, is compared in constant time.
    """
    key = signing_key(secret)
    row = repository.find_by_digest(session, key)
    if row is None or compare_digest(row.digest, key):
        return row
    return row if _still_good(row, key, now_ms) else None


def _still_good(row: TokenRow, key: bytes, now_ms: int) -> bool:
    """Tell whether a key is the one before the last rotation, and may be used for a while longer."""
    good = row.previous_digest is not None and compare_digest(row.previous_digest, key)
    return good and row.previous_until is not None and now_ms < row.previous_until


def state_of(row: TokenRow, now_ms: int) -> TokenState:
    """Return whether a token lets anybody in."""
    if row.revoked_at is not None:
        return TokenState.REVOKED
    if row.expires_at is not None and row.expires_at <= now_ms:
        return TokenState.EXPIRED
    return TokenState.ACTIVE


def principal_of(row: TokenRow, secret: str) -> Principal:
    """Return who bears a token."""
    return Principal(
        name=row.name,
        role=Role(row.role),
        key=signing_key(secret),
        scope=scope_of(row),
        node=row.node,
        token_id=row.id,
    )


def why_ended(session: Session, principals: Collection[Principal], now_ms: int) -> dict[Principal, str]:
    """Return those who would not be let in any more with the token they once came with, and why."""
    rows = repository.find_all(session, {each.token_id for each in principals if each.token_id is not None})
    found = {}
    for each in principals:
        row = rows.get(each.token_id) if each.token_id is not None else None
        if each.token_id is None:
            if each.expires_at is not None and each.expires_at <= now_ms:
                found[each] = f"The token of {each.name!r} has expired."
        elif row is None or (state := state_of(row, now_ms)) is TokenState.REVOKED:
            found[each] = f"The token {each.name!r} was revoked."
        elif state is TokenState.EXPIRED:
            found[each] = f"The token {each.name!r} has expired."
        elif row.digest != each.key and not _still_good(row, each.key, now_ms):
            found[each] = f"The token {each.name!r} was rotated; come with its new secret."
    return found


def scope_of(row: TokenRow) -> Scope:
    """Return what a token may see."""
    return Scope(frozenset(row.namespaces or ()), frozenset(row.workloads or ()))


def authenticate(session: Session, secret: str, now_ms: int) -> Principal | None:
    """Return who bears a token; None if it is unknown, has expired or was revoked."""
    row = look_up(session, secret, now_ms)
    if row is None or state_of(row, now_ms) is not TokenState.ACTIVE:
        return None
    return principal_of(row, secret)


def rotate(session: Session, row: TokenRow, *, overlap_ms: int, now_ms: int, actor: str) -> str:
    """Give a token another secret and return it; the one it had is good for a while longer.

    Raises:
        NotPossibleError: The token lets nobody in any more.
    """
    if (state := state_of(row, now_ms)) is not TokenState.ACTIVE:
        msg = f"The token {row.name!r} is {state}; make a new one."
        raise NotPossibleError(msg)
    secret = _secret(Role(row.role))
    row.previous_digest, row.digest = row.digest, signing_key(secret)
    row.previous_until = now_ms + overlap_ms
    detail = {"overlap_s": overlap_ms // 1000}
    record(session, now_ms=now_ms, actor=actor, action="token.rotate", target=row.name, detail=detail)
    return secret


def revoke(session: Session, *, name: str, now_ms: int, actor: str, reason: str = "") -> None:
    """Make a token worthless from now on.

    Raises:
        NotFoundError: No token has this name.
    """
    end(session, find(session, name), now_ms=now_ms, actor=actor, reason=reason)


def end(session: Session, row: TokenRow, *, now_ms: int, actor: str, reason: str) -> None:
    """Make a token worthless from now on; one that is already stays as it is."""
    if row.revoked_at is None:
        row.revoked_at = now_ms
        detail = {"reason": reason} if reason else {}
        record(session, now_ms=now_ms, actor=actor, action="token.revoke", target=row.name, detail=detail)


def end_by(session: Session, row: TokenRow, *, principal: Principal, now_ms: int, reason: str) -> None:
    """Make a token worthless for somebody who asks over the network, and must not lock everybody out by it.

    Whoever may open the database can end the last one too, since they can make another there.

    Raises:
        NotPossibleError: They ask with this token, and no other lets an admin of the whole installation in.
    """
    own = row.id == principal.token_id and row.role == Role.ADMIN.value
    if own and not repository.has_other_admin(session, row.id, now_ms):
        msg = (
            f"The token {row.name!r} is the last one of role admin, and the one that you use: without it "
            "nobody could make another over the network. Make another first, or rotate it."
        )
        raise NotPossibleError(msg)
    end(session, row, now_ms=now_ms, actor=principal.name, reason=reason)


def find(session: Session, name: str) -> TokenRow:
    """Return the token of a name.

    Raises:
        NotFoundError: No token has this name.
    """
    row = repository.find_by_name(session, name)
    if row is None:
        msg = f"No token is named {name!r}."
        raise NotFoundError(msg)
    return row


def list_all(session: Session) -> Sequence[TokenRow]:
    """Return all tokens, oldest first."""
    return repository.list_all(session)


def _secret(role: Role) -> str:
    return f"nonself_{role.value}_{secrets.token_urlsafe(32)}"


def _told(row: TokenRow) -> dict[str, object]:
    limits = {
        "expires_at": to_datetime(row.expires_at).isoformat() if row.expires_at is not None else None,
        "namespaces": row.namespaces,
        "workloads": row.workloads,
        "node": row.node,
    }
    return {"role": row.role} | {name: value for name, value in limits.items() if value is not None}
