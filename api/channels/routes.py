"""`/v1/channels`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import WHOLE, AdminDep, ReaderDep
from api.channels import service, trial
from api.channels.schemas import (
    ChannelIn,
    ChannelMadeOut,
    ChannelOut,
    DeliveryOut,
    DeliveryQuery,
    DisableIn,
    RevivedOut,
    RotateSecretIn,
    RoutingIn,
    TriedOut,
)
from api.core import Core, CoreDep
from api.errors import InvalidError, NotFoundError, NotPossibleError
from api.paging import NoQuery, Page, PageQuery, PagerDep
from api.problems import responses
from api.push.seal import Sealer
from api.push.sender import HOUR_MS

router = APIRouter(prefix="/v1/channels", dependencies=[WHOLE], tags=["channels"])
Id = Annotated[int, Path(ge=1, lt=1 << 63)]
NoQueryDep = Annotated[NoQuery, Query()]


@router.get("", responses=responses())
def list_channels(
    core: CoreDep, _principal: ReaderDep, query: Annotated[PageQuery, Query()], pager: PagerDep
) -> Page[ChannelOut]:
    """List channels in the order in which they were made; no secret is shown."""
    with core.store.read() as session:
        items = service.list_page(session, query)
    return pager.page(query, items)


@router.post("", responses=responses(NotPossibleError), status_code=201)
def create_channel(core: CoreDep, principal: AdminDep, wish: ChannelIn, _query: NoQueryDep) -> ChannelMadeOut:
    """Tell a receiver of what happens to alerts from now on; audited. The secret is shown this once."""
    sealer = Sealer(core.settings.state_dir)
    with core.store.write() as session:
        made = service.create(session, wish, sealer, actor=principal.name, now_ms=core.clock.now_ms())
    core.wake_push()
    return made


@router.get("/{channel_id}", responses=responses(NotFoundError))
def get_channel(core: CoreDep, _principal: ReaderDep, channel_id: Id, _query: NoQueryDep) -> ChannelOut:
    """Show one channel and how it fares."""
    with core.store.read() as session:
        return service.show(session, service.find(session, channel_id))


@router.put("/{channel_id}/routing", responses=responses(NotFoundError, InvalidError))
def change_routing(
    core: CoreDep, principal: AdminDep, channel_id: Id, wish: RoutingIn, _query: NoQueryDep
) -> ChannelOut:
    """Replace format, filters and pacing; audited. They apply to what is routed from now on."""
    with core.store.write() as session:
        changed = service.change_routing(
            session, channel_id, wish, actor=principal.name, now_ms=core.clock.now_ms()
        )
    core.wake_push()
    return changed


@router.post("/{channel_id}/rotate", responses=responses(NotFoundError, NotPossibleError, InvalidError))
def rotate_secret(
    core: CoreDep, principal: AdminDep, channel_id: Id, wish: RotateSecretIn, _query: NoQueryDep
) -> ChannelMadeOut:
    """Give a webhook a new secret; audited. For a while messages carry the signatures of both."""
    sealer = Sealer(core.settings.state_dir)
    with core.store.write() as session:
        changed = service.rotate(
            session, channel_id, wish, sealer, actor=principal.name, now_ms=core.clock.now_ms()
        )
    core.wake_push()
    return changed


@router.post("/{channel_id}/enable", responses=responses(NotFoundError))
def enable_channel(core: CoreDep, principal: AdminDep, channel_id: Id, _query: NoQueryDep) -> ChannelOut:
    """Enable a channel; audited. What it missed is delivered, unless it is too old to be tried."""
    return _switch(core, channel_id, None, principal.name)


@router.post("/{channel_id}/disable", responses=responses(NotFoundError))
def disable_channel(
    core: CoreDep, principal: AdminDep, channel_id: Id, wish: DisableIn, _query: NoQueryDep
) -> ChannelOut:
    """Disable a channel; audited. What waits stays."""
    return _switch(core, channel_id, wish.reason, principal.name)


@router.delete("/{channel_id}", responses=responses(NotFoundError))
def remove_channel(core: CoreDep, principal: AdminDep, channel_id: Id, _query: NoQueryDep) -> ChannelOut:
    """Delete a channel, its secrets and its deliveries; audited."""
    with core.store.write() as session:
        gone = service.remove(session, channel_id, actor=principal.name, now_ms=core.clock.now_ms())
    core.wake_push()
    return gone


@router.post("/{channel_id}/test", responses=responses(NotFoundError))
def try_channel(core: CoreDep, principal: AdminDep, channel_id: Id, _query: NoQueryDep) -> TriedOut:
    """Send a test message now, and tell what came of it."""
    return trial.try_channel(core, channel_id, actor=principal.name)


@router.get("/{channel_id}/deliveries", responses=responses(NotFoundError))
def list_deliveries(
    core: CoreDep,
    _principal: ReaderDep,
    channel_id: Id,
    query: Annotated[DeliveryQuery, Query()],
    pager: PagerDep,
) -> Page[DeliveryOut]:
    """List a channel's deliveries, oldest first; with `state=dead`, those that were given up."""
    with core.store.read() as session:
        items = service.list_deliveries(session, channel_id, query)
    return pager.page(query, items)


@router.post("/{channel_id}/redeliver", responses=responses(NotFoundError))
def redeliver_dead(core: CoreDep, principal: AdminDep, channel_id: Id, _query: NoQueryDep) -> RevivedOut:
    """Deliver all that was given up again; audited. Ids of messages stay the same."""
    return _redeliver(core, channel_id, None, principal.name)


@router.post(
    "/{channel_id}/deliveries/{delivery_id}/redeliver",
    responses=responses(NotFoundError, NotPossibleError),
)
def redeliver_one(
    core: CoreDep, principal: AdminDep, channel_id: Id, delivery_id: Id, _query: NoQueryDep
) -> RevivedOut:
    """Deliver one message again, whatever became of it; audited. Its id stays the same."""
    return _redeliver(core, channel_id, delivery_id, principal.name)


def _switch(core: Core, channel_id: int, reason: str | None, actor: str) -> ChannelOut:
    with core.store.write() as session:
        changed = service.switch(session, channel_id, reason=reason, actor=actor, now_ms=core.clock.now_ms())
    core.wake_push()
    return changed


def _redeliver(core: Core, channel_id: int, delivery_id: int | None, actor: str) -> RevivedOut:
    with core.store.write() as session:
        count = service.redeliver(
            session,
            channel_id,
            delivery_id=delivery_id,
            actor=actor,
            now_ms=core.clock.now_ms(),
            give_up_ms=core.settings.push_give_up_hours * HOUR_MS,
        )
    core.wake_push()
    return RevivedOut(deliveries=count)
