"""The one reader of the database for all live streams of a process (ADR 0089).

A thread looks for what is new when somebody has written, and once a second;
with no stream open it looks for nothing. It renders each event once, keeps the
newest in memory and wakes the streams. Nobody who writes waits for any of it.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Final

import structlog

from api.core import Core
from api.errors import StoreError, StreamsError, TokenStreamsError
from api.events.feeds import FEEDS
from api.events.position import Topic
from api.events.ring import Passage, Ring
from api.events.schemas import EndReason
from api.events.stream import Stream
from api.tokens import service as tokens

LOOK_EVERY_S: Final = 1.0
PAUSE_S: Final = 0.1
"""Least time between two looks: what comes faster is sent together."""
_PAGE: Final = 200
_PAGES: Final = 10
"""Of one look; then the streams are woken."""
_CATCHING_UP: Final = 4
"""Streams that read from the database at once."""
_STOP_S: Final = 2.0
"""How long the end of the service waits for a look at a database that does not answer."""
_log = structlog.get_logger()


class Hub:
    """Serves all streams of a process.

    Args:
        core: What the service consists of.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.rings: Mapping[Topic, Ring] = {topic: Ring() for topic in Topic}
        self.catching_up = asyncio.Semaphore(_CATCHING_UP)
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, stream: Stream) -> None:
        """Serve a stream from now on.

        Raises:
            TokenStreamsError: Its token has as many open as it may.
            StreamsError: The service has, or it stops.
        """
        settings, metrics = self.core.settings, self.core.metrics
        with self._lock:
            if self._closing.is_set() or self.core.stopping:
                msg = "The service is stopping."
                raise StreamsError(msg)
            of_token = sum(each.principal.name == stream.principal.name for each in self._streams)
            if of_token >= settings.streams_per_token:
                metrics.count("nonself_streams_refused_total", limit="token")
                msg = (
                    f"The token {stream.principal.name!r} has {of_token} streams open, as many as it may "
                    "(streams_per_token)."
                )
                raise TokenStreamsError(msg)
            if len(self._streams) >= settings.streams:
                metrics.count("nonself_streams_refused_total", limit="service")
                msg = f"The service has {len(self._streams)} streams open, as many as it serves (streams)."
                raise StreamsError(msg)
            self._streams.add(stream)
            metrics.set("nonself_streams", len(self._streams))
            if self._thread is None:
                self.core.store.written = self._wake.set
                self.core.end_streams = self.close
                self._thread = threading.Thread(target=self._run, name="nonself-streams", daemon=True)
                self._thread.start()
        self._wake.set()

    def leave(self, stream: Stream) -> None:
        """Serve a stream no more; one that has left already is passed over."""
        with self._lock:
            if stream not in self._streams:
                return
            self._streams.remove(stream)
            self.core.metrics.set("nonself_streams", len(self._streams))
        # With nobody left, what is kept in memory goes.
        self._wake.set()
        reason = stream.ending or EndReason.LEFT
        self.core.metrics.count("nonself_streams_ended_total", reason=reason.value)

    def close(self) -> None:
        """End all streams, each with a word, and take no more."""
        with self._lock:
            self._closing.set()
            streams = list(self._streams)
        for each in streams:
            each.end(EndReason.STOPPING, "The service is stopping; come again with the id of the last event.")
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def sent(self, topic: Topic, count: int) -> None:
        """Count events that were sent."""
        if count:
            self.core.metrics.count("nonself_stream_events_total", count, topic=topic.value)

    def read_page(self, topic: Topic, position: int, limit: int) -> Passage:
        """Return what follows a position from the database, and up to where that was looked.

        For a stream that is behind what is in memory; called in its request, it sees what the token may.

        Raises:
            StoreError: The database cannot be used.
        """
        feed, store = FEEDS[topic], self.core.store
        self.core.metrics.count("nonself_stream_catch_ups_total")
        # First, since a limited reader sees only some rows: whatever was there by then has been looked at.
        with store.read(whole=True) as session:
            newest = feed.newest(session)
        with store.read() as session:
            page = feed.after(session, position, limit)
        last = page.last or 0
        return Passage(page.events, last if page.full else max(position, newest, last), page.full)

    def _run(self) -> None:
        checked_at, troubled = 0.0, False
        while not self._closing.is_set():
            with self._lock:
                streams = list(self._streams)
            self._wake.wait(LOOK_EVERY_S if streams else None)
            self._wake.clear()
            try:
                self._look()
                if streams and time.monotonic() - checked_at >= LOOK_EVERY_S:
                    checked_at = time.monotonic()
                    self._end_of_tokens()
                troubled = False
            except StoreError as error:
                if not troubled:
                    _log.warning("streams_wait", reason=error.detail)
                troubled = True
            except Exception:  # noqa: BLE001 - a thread that died would tell nobody of anything until a restart
                if not troubled:
                    _log.exception("streams_failed")
                troubled = True
            self._closing.wait(PAUSE_S)

    def _look(self) -> None:
        with self._lock:
            streams = list(self._streams)
        wanted = {topic for each in streams for topic in each.topics}
        moved = False
        for topic, ring in self.rings.items():
            if topic in wanted:
                moved |= self._follow(topic, ring)
            elif ring.head is not None:
                ring.stop()
        if moved:
            for each in streams:
                each.wake()

    def _follow(self, topic: Topic, ring: Ring) -> bool:
        feed = FEEDS[topic]
        with self.core.store.read(whole=True) as session:
            if ring.head is None:
                ring.start(feed.newest(session))
                return True
            before = ring.head
            for _ in range(_PAGES):
                page = feed.after(session, ring.head, _PAGE)
                if page.last is not None:
                    ring.add(page.events, page.last)
                if not page.full:
                    break
            else:
                self._wake.set()
            return ring.head != before

    def _end_of_tokens(self) -> None:
        with self._lock:
            streams = list(self._streams)
        with self.core.store.read(whole=True) as session:
            gone = tokens.why_ended(session, {each.principal for each in streams}, self.core.clock.now_ms())
        for each in streams:
            if each.principal in gone:
                each.end(EndReason.TOKEN, gone[each.principal])
