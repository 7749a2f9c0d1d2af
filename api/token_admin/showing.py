"""What is shown of a token."""

from api.clock import to_datetime
from api.db.access_tables import TokenRow
from api.token_admin.schemas import TokenOut
from api.tokens import service
from api.tokens.grant import Role


def show(row: TokenRow, now_ms: int, *, used_at: int | None = None) -> TokenOut:
    """Return what is shown of a token.

    Args:
        row: The token.
        now_ms: The present time, in Unix milliseconds.
        used_at: Its newest use that is not in the database yet.
    """
    scope = service.scope_of(row)
    used = max(filter(None, (row.last_used_at, used_at)), default=None)
    previous = row.previous_until if row.previous_until and row.previous_until > now_ms else None
    created, expires, revoked, last, until = (
        to_datetime(at) if at is not None else None
        for at in (row.created_at, row.expires_at, row.revoked_at, used, previous)
    )
    return TokenOut.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "role": Role(row.role),
            "state": service.state_of(row, now_ms),
            "namespaces": sorted(scope.namespaces),
            "workloads": sorted(scope.workloads),
            "node": row.node,
            "created_at": created,
            "expires_at": expires,
            "revoked_at": revoked,
            "last_used_at": last,
            "previous_until": until,
        }
    )
