"""The test button: one message to a receiver, now, past the queue."""

import time

from api.channels import service
from api.channels.schemas import TriedOut
from api.core import Core
from api.guard import Guard
from api.push import events
from api.push.attempt import attempt
from api.push.kinds.base import Message
from api.push.kinds.catalog import KINDS
from api.push.outcome import Verdict
from api.push.seal import Sealer
from api.push.signing import new_message_id
from api.push.words import ChannelKind, Shape


def try_channel(core: Core, channel_id: int, *, actor: str) -> TriedOut:
    """Send a test message and wait for what comes of it; a channel that is disabled can be tried too.

    Raises:
        NotFoundError: There is none of this id.
        StoreError: The database, or the key of secrets, cannot be used.
    """
    with core.store.read() as session:
        row = service.find(session, channel_id)
    now_ms = core.clock.now_ms()
    message = Message(
        id=new_message_id(),
        event=events.of_test(row.name, now_ms=now_ms, actor=actor),
        now_ms=now_ms,
        shape=Shape(row.format),
        secrets=Sealer(core.settings.state_dir).open(row.sealed),
    )
    transport = KINDS[ChannelKind(row.kind)].open(Guard.of(core.settings.push_allow), core.settings)
    began = time.monotonic()
    try:
        outcome = attempt(transport, message, channel=row.name)
    finally:
        transport.close()
    return TriedOut(
        delivered=outcome.verdict is Verdict.DELIVERED,
        detail=outcome.detail,
        took_ms=round((time.monotonic() - began) * 1000),
    )
