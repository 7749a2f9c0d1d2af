"""One reader's stream: a position in each sequence, and nothing else that could grow."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final, Protocol

from fastapi.sse import format_sse_event

from api.alerts import traits
from api.clock import to_ms
from api.errors import StoreError
from api.events.event import Event, render
from api.events.position import Position, Topic
from api.events.ring import Passage, Ring
from api.events.schemas import EndOut, EndReason, EventQuery
from api.events.start import Start
from api.tokens.service import Principal

RETRY_MS: Final = 2000
"""After which a reader that lost its stream comes again."""
_MOST: Final = 64
"""Events that are sent together; as long as they are not taken, nothing more is read."""


class Source(Protocol):
    """Where a stream has its events from: the hub."""

    rings: Mapping[Topic, Ring]
    catching_up: asyncio.Semaphore
    """Held while a stream reads from the database."""

    def read_page(self, topic: Topic, position: int, limit: int) -> Passage:
        """Return what follows a position from the database; it may take its time.

        Raises:
            StoreError: The database cannot be used.
        """
        ...

    def sent(self, topic: Topic, count: int) -> None:
        """Count events that were sent."""
        ...

    def leave(self, stream: "Stream") -> None:
        """Serve a stream no more."""
        ...


class Stream:
    """What one reader is told.

    Args:
        source: Where events come from.
        principal: Who reads.
        query: What of all events.
        start: From where on.
        heartbeat_s: Silence after which it says that it is still there.
    """

    def __init__(
        self, source: Source, principal: Principal, query: EventQuery, start: Start, heartbeat_s: float
    ) -> None:
        self.principal = principal
        self.topics = tuple(start.at)
        self.ending: EndReason | None = None
        self._source, self._query, self._gaps = source, query, start.gaps
        self._heartbeat_s = heartbeat_s
        self._at = dict(start.at)
        self._since_ms = to_ms(query.since) if query.since else None
        self._why = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    @property
    def position(self) -> str:
        """The id of what was sent or passed over last."""
        return str(Position(alerts=self._at.get(Topic.ALERTS), scores=self._at.get(Topic.SCORES)))

    def wake(self) -> None:
        """Say from another thread that there may be something new."""
        if self._loop is not None:
            # The loop is closed where the HTTP server has ended already.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._woken.set)

    def end(self, reason: EndReason, why: str) -> None:
        """Say from another thread that the stream ends, after a last word; the first reason counts."""
        if self.ending is None:
            self._why, self.ending = why, reason
        self.wake()

    def left(self) -> None:
        """Give the place of the stream back."""
        self._source.leave(self)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what is sent, without end unless the stream is ended."""
        self._loop = loop = asyncio.get_running_loop()
        yield format_sse_event(comment="nonself", id=self.position, retry=RETRY_MS)
        for gap in self._gaps:
            yield render("gap", gap.model_dump(mode="json")) + f"id: {self.position}\n\n".encode()
        sent_at = loop.time()
        while self.ending is None:
            self._woken.clear()
            try:
                sent, more = await self._next()
            except StoreError as error:
                self.end(EndReason.DATABASE, error.detail)
                break
            silent_s = sent_at + self._heartbeat_s - loop.time()
            if not sent and (silent_s <= 0 or not (more or await self._waits(silent_s))):
                # An id without data is no event to a reader; who comes again skips what was passed over.
                sent = format_sse_event(comment="still here", id=self.position)
            if sent:
                yield sent
                sent_at = loop.time()
        if self.ending is not None:
            last = EndOut(reason=self.ending, text=self._why)
            yield render("end", last.model_dump(mode="json")) + f"id: {self.position}\n\n".encode()

    async def _waits(self, timeout_s: float) -> bool:
        """Wait until there may be something new; tell whether there may."""
        if self.ending is not None:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
                return True
        except TimeoutError:
            return False

    async def _next(self) -> tuple[bytes, bool]:
        """Return what to send next, and whether there is more at once."""
        # All is read before the first position moves: what fails half-way must pass nothing over.
        passages = [(topic, await self._passage(topic)) for topic in self.topics]
        parts: list[bytes] = []
        for topic, passage in passages:
            before = len(parts)
            for event in passage.events:
                self._at[topic] = event.id
                if self._wants(event):
                    parts.append(event.numbered(self.position))
            self._at[topic] = passage.position
            self._source.sent(topic, len(parts) - before)
        return b"".join(parts), any(passage.more for _, passage in passages)

    async def _passage(self, topic: Topic) -> Passage:
        passage = self._source.rings[topic].after(self._at[topic], _MOST)
        if passage is not None:
            return passage
        async with self._source.catching_up:
            return await asyncio.to_thread(self._source.read_page, topic, self._at[topic], _MOST)

    def _wants(self, event: Event) -> bool:
        query = self._query
        if not self.principal.scope.covers(event.workload, event.namespace):
            return False
        if self._since_ms is not None and event.recorded_at < self._since_ms:
            return False
        if event.topic is Topic.ALERTS:
            change, alert = event.facts["change"]["change"], event.facts["alert"]
            return (not query.change or change in query.change) and traits.fits(query, alert)
        return (
            (query.workload is None or query.workload == event.workload)
            and (query.namespace is None or query.namespace == event.namespace)
            and (query.cluster is None or query.cluster == event.cluster)
            and (query.score_verdict is None or query.score_verdict == event.facts["verdict"])
        )
