"""Who asks: bearer tokens and the roles that endpoints require."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.core import CoreDep
from api.errors import ForbiddenError, UnauthenticatedError
from api.tokens import service
from api.tokens.service import Principal, Role

_bearer = HTTPBearer(auto_error=False, description="A token made with `nonself token create`.")


def require(*roles: Role) -> Callable[[CoreDep, HTTPAuthorizationCredentials | None], Principal]:
    """Return a dependency that gives the principal, if its role is one of these."""

    def authenticate(
        core: CoreDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Principal:
        if credentials is None:
            msg = "Expected the header 'Authorization: Bearer <token>'; got none."
            raise UnauthenticatedError(msg)
        with core.store.read() as session:
            principal = service.authenticate(session, credentials.credentials)
        if principal is None:
            msg = "The token is unknown or was revoked."
            raise UnauthenticatedError(msg)
        if principal.role not in roles:
            wanted = " or ".join(role.value for role in roles)
            msg = f"Expected a token of role {wanted}; {principal.name!r} has role {principal.role.value}."
            raise ForbiddenError(msg)
        return principal

    return authenticate


ReaderDep = Annotated[Principal, Depends(require(Role.READ, Role.TRIAGE, Role.ADMIN))]
TriageDep = Annotated[Principal, Depends(require(Role.TRIAGE, Role.ADMIN))]
AdminDep = Annotated[Principal, Depends(require(Role.ADMIN))]
IngestDep = Annotated[Principal, Depends(require(Role.INGEST))]
