"""Reads and writes tokens."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from api.db.access_tables import TokenRow
from api.db.slices import Slice
from api.db.tables import WorkloadRow
from api.tokens.grant import Grant, Role


def add(session: Session, grant: Grant, *, digest: bytes, now_ms: int) -> TokenRow:
    """Store a token's hash, and what it is for."""
    row = TokenRow(
        name=grant.name,
        role=grant.role.value,
        digest=digest,
        created_at=now_ms,
        revoked_at=None,
        expires_at=grant.expires_at,
        namespaces=sorted(grant.scope.namespaces) or None,
        workloads=sorted(grant.scope.workloads) or None,
        node=grant.node,
    )
    session.add(row)
    session.flush()
    return row


def find_by_digest(session: Session, digest: bytes) -> TokenRow | None:
    """Return the token that has this hash, or had it before it was rotated."""
    return session.scalar(
        select(TokenRow).where(or_(TokenRow.digest == digest, TokenRow.previous_digest == digest))
    )


def find_by_name(session: Session, name: str) -> TokenRow | None:
    """Return the token of this name, revoked or not."""
    return session.scalar(select(TokenRow).where(TokenRow.name == name))


def has_other_admin(session: Session, token_id: int, now_ms: int) -> bool:
    """Tell whether another token than one lets an admin in who sees everything."""
    admins = session.scalars(
        select(TokenRow).where(
            TokenRow.id != token_id,
            TokenRow.role == Role.ADMIN.value,
            TokenRow.revoked_at.is_(None),
            or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > now_ms),
        )
    )
    # JSON columns hold null in two ways; Python tells neither from the other.
    return any(not each.namespaces and not each.workloads for each in admins)


def find_all(session: Session, ids: Collection[int]) -> dict[int, TokenRow]:
    """Return tokens by their ids; one that does not exist is missing."""
    return {row.id: row for row in session.scalars(select(TokenRow).where(TokenRow.id.in_(ids)))}


def list_all(session: Session) -> Sequence[TokenRow]:
    """Return all tokens, oldest first."""
    return session.scalars(select(TokenRow).order_by(TokenRow.id)).all()


def list_page(session: Session, page: Slice) -> Sequence[TokenRow]:
    """Return one page of tokens, oldest first."""
    return session.scalars(page.of(select(TokenRow), TokenRow.id, TokenRow.created_at)).all()


def list_of_node(session: Session, node: str, role: str) -> Sequence[TokenRow]:
    """Return the tokens of a node that were not revoked."""
    query = select(TokenRow).where(
        TokenRow.node == node, TokenRow.role == role, TokenRow.revoked_at.is_(None)
    )
    return session.scalars(query.order_by(TokenRow.id)).all()


def use_up(session: Session, token_id: int, now_ms: int) -> bool:
    """End a token that lets somebody in once; tell whether it was there to be used."""
    used = session.execute(
        update(TokenRow)
        .where(
            TokenRow.id == token_id,
            TokenRow.revoked_at.is_(None),
            or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > now_ms),
        )
        .values(revoked_at=now_ms)
        .returning(TokenRow.id)
    )
    return used.one_or_none() is not None


def find_workloads(session: Session, ids: Collection[int]) -> set[int]:
    """Return those of some ids that workloads have."""
    return set(session.scalars(select(WorkloadRow.id).where(WorkloadRow.id.in_(ids)))) if ids else set()


def list_workloads(session: Session) -> Sequence[WorkloadRow]:
    """Return all workloads, for a person who names one."""
    return session.scalars(select(WorkloadRow).order_by(WorkloadRow.id)).all()
