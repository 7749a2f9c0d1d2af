"""Decides who gets a node's token: once for each enrolment token, and no second time by chance."""

import re
import secrets
from typing import Final

from sqlalchemy.orm import Session

from api.audit import record
from api.db.access_tables import TokenRow
from api.errors import ForbiddenError, NotPossibleError, UnauthenticatedError
from api.tokens import repository, service
from api.tokens.grant import Grant, Role
from api.tokens.service import Principal, TokenState

OVERLAP_MS: Final = 600_000
"""How long a node's token is good after it was rotated."""
_LONGEST_SLUG: Final = 40


def enrol(session: Session, principal: Principal, node: str, now_ms: int) -> tuple[TokenRow, str]:
    """Exchange a one-time token for a token of a node; return that with its secret.

    Args:
        session: A write transaction; of two that bring the same token, the second sees it used.
        principal: Who bears the one-time token.
        node: Name of the node.
        now_ms: The present time, in Unix milliseconds.

    Raises:
        UnauthenticatedError: The token was used or has ended since it was looked at.
        ForbiddenError: The token is for another node.
        NotPossibleError: The node has a token, and this one was not made for it by name.
    """
    once = service.find(session, principal.name)
    if not repository.use_up(session, once.id, now_ms):
        msg = f"The token {once.name!r} was used already."
        raise UnauthenticatedError(msg)
    if once.node is not None and once.node != node:
        msg = f"The token {once.name!r} enrols node {once.node!r}; got {node!r}."
        raise ForbiddenError(msg)
    earlier = [
        row
        for row in repository.list_of_node(session, node, Role.INGEST.value)
        if service.state_of(row, now_ms) is TokenState.ACTIVE
    ]
    if earlier and once.node is None:
        msg = (
            f"Node {node!r} is enrolled already. To enrol it anew, which ends the token that it has, "
            f"make a token for it by name: nonself enrol --node {node}."
        )
        raise NotPossibleError(msg)
    for row in earlier:
        service.end(session, row, now_ms=now_ms, actor=once.name, reason="enrolled anew")
    grant = Grant(name=_name(node), role=Role.INGEST, node=node)
    row, secret = service.grant_token(session, grant, now_ms=now_ms, actor=once.name)
    record(
        session,
        now_ms=now_ms,
        actor=once.name,
        action="node.enrol",
        target=node,
        detail={"token": row.name, "ended": [each.name for each in earlier]},
    )
    return row, secret


def rotate(session: Session, principal: Principal, now_ms: int) -> tuple[TokenRow, str]:
    """Give a node's token another secret; the one it had is good for ten minutes more.

    Raises:
        ForbiddenError: The token is of no node.
        NotPossibleError: It has ended since it was looked at.
    """
    if principal.node is None:
        msg = f"The token {principal.name!r} belongs to no node; an admin rotates it."
        raise ForbiddenError(msg)
    row = service.find(session, principal.name)
    secret = service.rotate(session, row, overlap_ms=OVERLAP_MS, now_ms=now_ms, actor=row.name)
    return row, secret


def _name(node: str) -> str:
    """Return a name for a node's token that no other has."""
    slug = re.sub(r"[^a-z0-9.-]+", "-", node.lower())[:_LONGEST_SLUG].strip("-.") or "x"
    return f"node-{slug}-{secrets.token_hex(4)}"
