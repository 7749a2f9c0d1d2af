"""`/v1/keys`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import WHOLE, AdminDep, ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError, NotPossibleError
from api.keys import own, service
from api.keys.schemas import KeyIn, KeyOut, KeysOut, OwnKeyOut, RevokeIn
from api.paging import NoQuery
from api.problems import responses

router = APIRouter(prefix="/v1/keys", dependencies=[WHOLE], tags=["keys"])


@router.get("", responses=responses())
def list_keys(core: CoreDep, _principal: ReaderDep, _query: Annotated[NoQuery, Query()]) -> KeysOut:
    """List the keys whose bundles may be imported, and those whose bundles could be."""
    with core.store.read() as session:
        return service.list_all(session, core.clock.now_ms())


@router.get("/own", responses=responses())
def get_own_key(core: CoreDep, _principal: AdminDep, _query: Annotated[NoQuery, Query()]) -> OwnKeyOut:
    """Show the public key that this service signs bundles with; it is made when first asked for."""
    key = own.load_or_make(core.settings.state_dir)
    return OwnKeyOut(public_key=service.to_text(key.public_key().public_bytes_raw()))


@router.post("", responses=responses(NotPossibleError))
def trust_key(core: CoreDep, principal: AdminDep, wish: KeyIn, _query: Annotated[NoQuery, Query()]) -> KeyOut:
    """Trust a key: whoever holds it can bring baselines into this service. Audited."""
    with core.store.write() as session:
        return service.trust(session, wish, actor=principal.name, now_ms=core.clock.now_ms())


@router.post("/{key_id}/revoke", responses=responses(NotFoundError))
def revoke_key(
    core: CoreDep,
    principal: AdminDep,
    key_id: Annotated[int, Path(ge=1, lt=1 << 63)],
    wish: RevokeIn,
    _query: Annotated[NoQuery, Query()],
) -> KeyOut:
    """Trust a key no longer, for good; what was imported under it stays. Audited."""
    with core.store.write() as session:
        return service.revoke(
            session, key_id, reason=wish.reason, actor=principal.name, now_ms=core.clock.now_ms()
        )
