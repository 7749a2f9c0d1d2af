"""Properties of streams without a service: whatever breaks off, each event comes once and in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given, settings as hypothesis_settings, strategies as st

from api.db.migrate import upgrade
from api.db.store import Store
from api.errors import InvalidError, StoreError
from api.events.event import Event, render
from api.events.position import Position, Topic
from api.events.ring import Passage, Ring
from api.events.schemas import EventQuery
from api.events.start import Start
from api.events.stream import Stream
from api.settings import ServiceSettings
from api.tokens import service as tokens
from api.tokens.service import Principal, Role
from tests.service import NOW_MS


def an_event(row_id: int, *, topic: Topic = Topic.SCORES, namespace: str = "shop") -> Event:
    """Return an event of a score, or of one with the verdict that its id gives."""
    data: dict[str, Any] = {"id": row_id, "verdict": "anomalous" if row_id % 3 == 0 else "normal"}
    data |= {"change": {"change": "opened"}, "alert": {"workload": {"id": 1, "namespace": "", "cluster": ""}}}
    return Event(
        topic=topic,
        id=row_id,
        recorded_at=row_id,
        workload=1,
        namespace=namespace,
        cluster="",
        facts=data,
        text=render("score", data),
    )


@dataclass
class FakeSource:
    """Rows that are committed one after the other, and a ring that may be far behind them."""

    ring: Ring
    rows: list[Event] = field(default_factory=list)
    fails: bool = False
    rings: dict[Topic, Ring] = field(init=False)
    catching_up: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def __post_init__(self) -> None:
        self.rings = {Topic.SCORES: self.ring}

    def commit(self, count: int, skipped: int = 0) -> None:
        """Add rows whose ids grow, with holes where something was rolled back."""
        first = (self.rows[-1].id if self.rows else 0) + 1 + skipped
        self.rows += [an_event(each) for each in range(first, first + count)]

    def look(self) -> None:
        """Do what the hub does when it is woken."""
        if self.ring.head is None:
            self.ring.start(self.rows[-1].id if self.rows else 0)
        new = [each for each in self.rows if each.id > (self.ring.head or 0)]
        if new:
            self.ring.add(new, new[-1].id)

    def read_page(self, topic: Topic, position: int, limit: int) -> Passage:
        """Read as from a database."""
        assert topic is Topic.SCORES
        if self.fails:
            msg = "The database does not answer."
            raise StoreError(msg)
        found = [each for each in self.rows if each.id > position]
        page = found[:limit]
        newest = self.rows[-1].id if self.rows else 0
        full = len(page) == limit
        return Passage(page, page[-1].id if full else max(position, newest), full)

    def sent(self, topic: Topic, count: int) -> None:
        """Count nothing."""

    def leave(self, stream: Stream) -> None:
        """Keep nothing."""


READER = Principal(name="soc", role=Role.READ, key=b"")


def a_stream(source: FakeSource, at: int, **query: Any) -> Stream:
    """Return a stream of scores that begins after an id; its heartbeat comes when there is nothing."""
    wish = EventQuery(topic=[Topic.SCORES], **query)
    return Stream(source, READER, wish, Start({Topic.SCORES: at}, ()), heartbeat_s=0)


async def take(chunks: AsyncIterator[bytes], bytes_: int) -> bytes:
    """Return about so many bytes of a stream, as a connection that then breaks delivers them."""
    taken = b""
    async for chunk in chunks:
        taken += chunk
        if len(taken) >= bytes_ or b": still here" in chunk:
            break
    await chunks.aclose()  # type: ignore[attr-defined]
    return taken[:bytes_]


def read(taken: bytes) -> tuple[list[int], str | None]:
    """Return the scores that a reader is told of, and the id that it comes again with."""
    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=taken)
    events = list(EventSource(answer).iter_sse())
    return [each.json()["id"] for each in events if each.data], events[-1].id if events else None


STEPS = st.lists(
    st.tuples(st.integers(0, 90), st.integers(0, 3), st.booleans(), st.integers(0, 9000)), max_size=12
)


@hypothesis_settings(max_examples=60)
@given(most=st.integers(1, 100), steps=STEPS, filtered=st.booleans())
def test_whatever_breaks_off_each_event_is_told_once_and_in_order(
    most: int, steps: list[tuple[int, int, bool, int]], *, filtered: bool
) -> None:
    """Commits, looks of the hub, and connections that break after any byte, with a memory of any size."""
    query = {"score_verdict": "anomalous"} if filtered else {}

    async def follow() -> tuple[list[int], FakeSource]:
        source, told, position = FakeSource(Ring(most=most)), [], "s0"

        async def once(bytes_: int) -> None:
            nonlocal position
            stream = a_stream(source, Position.read(position).scores or 0, **query)
            found, last = read(await take(stream.chunks(), bytes_))
            told.extend(found)
            position = last or position

        for count, skipped, looks, bytes_ in steps:
            source.commit(count, skipped)
            if looks:
                source.look()
            await once(bytes_)
        source.look()
        # As long as there is something, since a connection may break at each word.
        while Position.read(position).scores != (source.rows[-1].id if source.rows else 0):
            await once(1 << 20)
        return told, source

    told, source = asyncio.run(follow())

    wanted = [each.id for each in source.rows if not filtered or each.id % 3 == 0]
    assert told == wanted


@given(
    most=st.integers(1, 20),
    most_bytes=st.integers(1, 3000),
    adds=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 3))),
    limit=st.integers(1, 30),
    data=st.data(),
)
def test_a_ring_tells_all_that_follows_or_that_it_cannot(
    most: int, most_bytes: int, adds: list[tuple[int, int]], limit: int, data: st.DataObject
) -> None:
    """It never leaves something out, and keeps no more than it may."""
    ring, rows = Ring(most, most_bytes), []
    ring.start(100)
    head = 100
    for count, skipped in adds:
        new = [an_event(head + skipped + each) for each in range(1, count + 1)]
        head = new[-1].id if new else head + skipped
        ring.add(new, head)
        rows += new
    position = data.draw(st.integers(90, head + 5))
    found = ring.after(position, limit)

    kept = ring.after(head, limit)
    assert kept is not None
    if found is None:
        assert position < 100 or len(rows) > most or sum(len(each.text) for each in rows) > most_bytes
        return
    following = [each.id for each in rows if each.id > position]
    assert [each.id for each in found.events] == following[:limit]
    assert found.more == (len(following) > limit)
    assert found.position == (following[limit - 1] if found.more else max(position, head))


def test_a_ring_that_follows_nothing_knows_nothing() -> None:
    """Before it begins and after it has stopped, a reader has to ask the database."""
    ring = Ring()
    before = ring.after(0, 10)
    ring.start(5)
    ring.add([an_event(6)], 6)
    ring.stop()

    assert (before, ring.after(6, 10), ring.head) == (None, None, None)


def test_a_stream_whose_database_is_gone_ends_with_a_word() -> None:
    """Its reader comes again where it was, rather than to wait for ever."""

    async def follow() -> bytes:
        source = FakeSource(Ring(), fails=True)
        return b"".join([chunk async for chunk in a_stream(source, 7).chunks()])

    said = asyncio.run(follow()).decode()

    assert (
        'event: end\ndata: {"reason":"database","text":"The database does not answer."}\nid: s7\n\n' in said
    )


def test_a_database_that_goes_half_way_makes_a_stream_pass_nothing_over() -> None:
    """What was read of one topic and not sent comes to whoever comes again with the last id."""
    source = FakeSource(Ring(), fails=True)
    source.rings[Topic.ALERTS] = Ring()
    source.rings[Topic.ALERTS].start(0)
    source.rings[Topic.ALERTS].add([an_event(1, topic=Topic.ALERTS)], 1)
    wish = EventQuery(topic=[Topic.ALERTS, Topic.SCORES])
    start = Start({Topic.ALERTS: 0, Topic.SCORES: 7}, ())

    async def follow() -> bytes:
        stream = Stream(source, READER, wish, start, heartbeat_s=60)
        return b"".join([chunk async for chunk in stream.chunks()])

    assert asyncio.run(follow()).decode().endswith("id: a0.s7\n\n")


def test_a_long_way_past_what_nobody_wants_is_not_gone_twice() -> None:
    """A stream says how far it is also while it tells of nothing; readers give up those that are silent."""

    async def follow() -> list[str]:
        source = FakeSource(Ring())
        source.commit(1000)
        said = []
        async for chunk in a_stream(source, 0, namespace="nowhere").chunks():
            said.append(read(chunk)[1] or "")
            if said[-1] == "s1000":
                break
        return said

    said = asyncio.run(follow())

    assert len(said) > 10
    assert said == sorted(said, key=lambda each: Position.read(each).scores or 0)


@given(alerts=st.none() | st.integers(0, (1 << 63) - 1), scores=st.none() | st.integers(0, (1 << 63) - 1))
def test_a_position_is_read_as_it_was_written(alerts: int | None, scores: int | None) -> None:
    """But one of nothing, which no stream has."""
    position = Position(alerts=alerts, scores=scores)

    if alerts is None and scores is None:
        with pytest.raises(InvalidError):
            Position.read(str(position))
    else:
        assert Position.read(str(position)) == position


@given(st.text(max_size=30))
def test_any_other_text_is_refused(text: str) -> None:
    """And never taken for a position that would be written otherwise."""
    with suppress(InvalidError):
        assert str(Position.read(text)) == text


def test_a_token_of_another_issuer_ends_when_it_says(tmp_path: Path) -> None:
    """It is in no table: what it said of itself counts."""
    foreign = Principal(name="ana", role=Role.READ, key=b"k", expires_at=NOW_MS)
    settings = ServiceSettings(state_dir=tmp_path)
    upgrade(settings.url)
    store = Store(settings.url)
    try:
        with store.read() as session:
            before = tokens.why_ended(session, {foreign}, NOW_MS - 1)
            after = tokens.why_ended(session, {foreign}, NOW_MS)
    finally:
        store.close()

    assert before == {}
    assert after == {foreign: "The token of 'ana' has expired."}
