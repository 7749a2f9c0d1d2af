"""`/v1/tokens`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import WHOLE, AdminDep
from api.clock import to_ms
from api.core import Core, CoreDep
from api.db.access_tables import TokenRow
from api.db.scope import Scope
from api.errors import NotFoundError, NotPossibleError
from api.paging import NoQuery, Page, PageQuery, PagerDep
from api.problems import responses
from api.token_admin import showing
from api.token_admin.schemas import RevokeTokenIn, RotateTokenIn, SecretOut, TokenIn, TokenOut
from api.tokens import repository, service
from api.tokens.grant import Grant

router = APIRouter(prefix="/v1/tokens", dependencies=[WHOLE], tags=["tokens"])
Name = Annotated[str, Path(max_length=63, description="Name of a token.")]


@router.get("", responses=responses())
def list_tokens(
    core: CoreDep, _principal: AdminDep, query: Annotated[PageQuery, Query()], pager: PagerDep
) -> Page[TokenOut]:
    """List all tokens, also those that ended, in the order in which they were made."""
    with core.store.read() as session:
        rows = repository.list_page(session, query.slice())
    return pager.page(query, [show(core, row) for row in rows])


@router.post("", responses=responses(NotPossibleError), status_code=201)
def create_token(
    core: CoreDep, principal: AdminDep, wish: TokenIn, _query: Annotated[NoQuery, Query()]
) -> SecretOut:
    """Make a token; its secret is in this answer and nowhere else. Audited."""
    grant = Grant(
        name=wish.name,
        role=wish.role,
        expires_at=to_ms(wish.expires_at) if wish.expires_at else None,
        scope=Scope(frozenset(wish.namespaces), frozenset(wish.workloads)),
        node=wish.node,
    )
    with core.store.write() as session:
        row, secret = service.grant_token(session, grant, now_ms=core.clock.now_ms(), actor=principal.name)
    return show_secret(core, row, secret)


@router.get("/{name}", responses=responses(NotFoundError))
def get_token(
    core: CoreDep, _principal: AdminDep, name: Name, _query: Annotated[NoQuery, Query()]
) -> TokenOut:
    """Show one token."""
    with core.store.read() as session:
        return show(core, service.find(session, name))


@router.post("/{name}/rotate", responses=responses(NotFoundError, NotPossibleError))
def rotate_token(
    core: CoreDep, principal: AdminDep, name: Name, wish: RotateTokenIn, _query: Annotated[NoQuery, Query()]
) -> SecretOut:
    """Give a token another secret; the one it had is good for a while longer. Audited."""
    with core.store.write() as session:
        row = service.find(session, name)
        secret = service.rotate(
            session,
            row,
            overlap_ms=wish.overlap_s * 1000,
            now_ms=core.clock.now_ms(),
            actor=principal.name,
        )
    return show_secret(core, row, secret)


@router.post("/{name}/revoke", responses=responses(NotFoundError, NotPossibleError))
def revoke_token(
    core: CoreDep, principal: AdminDep, name: Name, wish: RevokeTokenIn, _query: Annotated[NoQuery, Query()]
) -> TokenOut:
    """Let nobody in by a token any more, for good; audited. The last of role admin cannot end itself."""
    with core.store.write() as session:
        row = service.find(session, name)
        service.end_by(session, row, principal=principal, now_ms=core.clock.now_ms(), reason=wish.reason)
    return show(core, row)


def show(core: Core, row: TokenRow) -> TokenOut:
    """Return what is shown of a token."""
    waiting = core.guard.usage.newest(row.id)
    return showing.show(row, core.clock.now_ms(), used_at=waiting)


def show_secret(core: Core, row: TokenRow, secret: str) -> SecretOut:
    """Return what is shown of a token once."""
    return SecretOut(**show(core, row).model_dump(), token=secret)
