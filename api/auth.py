"""Who asks: bearer tokens, the roles that endpoints require, and what of the database they may see."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.clock import to_datetime
from api.core import Core, CoreDep
from api.db.access_tables import TokenRow
from api.db.scope import admit, refuse_whole
from api.errors import ForbiddenError, QuotaError, TooManyFailuresError, UnauthenticatedError
from api.middleware import EXTRA_HEADERS
from api.oidc.issuer import ForgedError, Issuer, looks_foreign
from api.tokens import service
from api.tokens.service import Principal, Role, TokenState
from wire.codec import signing_key

_log = structlog.get_logger()
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="Made with `nonself token create` or `POST /v1/tokens`, or one of an OpenID Connect issuer.",
)


def authenticated(
    request: Request,
    core: CoreDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Return who makes a request; from here on it sees of the database what its token may.

    Raises:
        UnauthenticatedError: There is no token, or it lets nobody in.
        TooManyFailuresError: The address sent too many wrong tokens.
        QuotaError: The token made too many requests.
    """
    if credentials is None:
        core.metrics.count("nonself_auth_refused_total", reason="no_token")
        msg = "Expected the header 'Authorization: Bearer <token>'; got none."
        raise UnauthenticatedError(msg)
    principal = _identify(core, request.client.host if request.client else "", credentials.credentials)
    _count(core, request, principal)
    if principal.token_id is not None:
        core.guard.usage.note(principal.token_id, core.clock.now_ms())
    admit(principal.scope)
    return principal


def _identify(core: Core, address: str, secret: str) -> Principal:
    now_ms, key = core.clock.now_ms(), signing_key(secret)
    if wait_s := core.guard.failures.wait_s(address, key, now_ms):
        core.metrics.count("nonself_auth_refused_total", reason="too_many_failures")
        msg = f"This address sent too many wrong tokens; it may try again in {wait_s} seconds."
        raise TooManyFailuresError(msg, wait_s)
    if core.issuer is not None and looks_foreign(secret):
        return _identify_foreign(core, core.issuer, address, secret)
    with core.store.read(whole=True) as session:
        row = service.look_up(session, secret, now_ms)
    if row is None:
        core.guard.failures.failed(address, now_ms)
        core.metrics.count("nonself_auth_refused_total", reason="unknown_token")
        _log.warning("unknown_token", address=address)
        msg = "The token is unknown."
        raise UnauthenticatedError(msg)
    # Who holds the secret of a token that has ended guesses nothing: that is told, and not counted as wrong.
    if (state := service.state_of(row, now_ms)) is not TokenState.ACTIVE:
        core.metrics.count("nonself_auth_refused_total", reason=state.value)
        raise UnauthenticatedError(_ended(row, state))
    core.guard.failures.succeeded(address, key)
    return service.principal_of(row, secret)


def _identify_foreign(core: Core, issuer: Issuer, address: str, secret: str) -> Principal:
    now_ms = core.clock.now_ms()
    try:
        principal = issuer.identify(secret, now_ms)
    except ForgedError as error:
        core.guard.failures.failed(address, now_ms)
        core.metrics.count("nonself_auth_refused_total", reason="forged")
        _log.warning("forged_token", address=address, reason=str(error))
        msg = f"The token is not one of the issuer for this service: {error}."
        raise UnauthenticatedError(msg) from error
    core.guard.failures.succeeded(address, principal.key)
    return principal


def _ended(row: TokenRow, state: TokenState) -> str:
    if state is TokenState.EXPIRED and row.expires_at is not None:
        return f"The token {row.name!r} expired at {to_datetime(row.expires_at).isoformat()}."
    how = "used already, or revoked" if row.role == Role.ENROL.value else "revoked"
    return f"The token {row.name!r} was {how}."


def _count(core: Core, request: Request, principal: Principal) -> None:
    left = core.guard.quotas.take(principal.name, core.clock.now_ms())
    if left is None:
        return
    setattr(request.state, EXTRA_HEADERS, left.headers())
    if not left.allowed:
        core.metrics.count("nonself_auth_refused_total", reason="quota")
        msg = f"The token {principal.name!r} may make {left.quota} requests in a minute."
        raise QuotaError(msg, left.reset_s)


def require(*roles: Role) -> Callable[[CoreDep, Principal], Awaitable[Principal]]:
    """Return a dependency that gives the principal, if its role is one of these."""

    async def authorize(core: CoreDep, principal: Annotated[Principal, Depends(authenticated)]) -> Principal:
        demand(core, principal, *roles)
        return principal

    return authorize


def demand(core: Core, principal: Principal, *roles: Role) -> None:
    """Refuse who has none of these roles; for what depends on the body of a request.

    Raises:
        ForbiddenError: The principal's role is another.
    """
    if principal.role not in roles:
        core.metrics.count("nonself_auth_refused_total", reason="role")
        wanted = " or ".join(role.value for role in roles)
        msg = f"Expected a token of role {wanted}; {principal.name!r} has role {principal.role.value}."
        raise ForbiddenError(msg)


async def whole(principal: Annotated[Principal, Depends(authenticated)]) -> None:
    """Refuse tokens that are limited to some workloads, for endpoints of the whole installation.

    Raises:
        ForbiddenError: The token is limited.
    """
    refuse_whole(principal.scope)


WHOLE = Depends(whole)
"""For `APIRouter(dependencies=[WHOLE])`: what the router serves concerns the whole installation."""
ReaderDep = Annotated[Principal, Depends(require(Role.READ, Role.TRIAGE, Role.ADMIN))]
TriageDep = Annotated[Principal, Depends(require(Role.TRIAGE, Role.ADMIN))]
AdminDep = Annotated[Principal, Depends(require(Role.ADMIN))]
IngestDep = Annotated[Principal, Depends(require(Role.INGEST))]
EnrolDep = Annotated[Principal, Depends(require(Role.ENROL))]
