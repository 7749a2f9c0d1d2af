"""The reader's side of a stream: comes again where it was whenever the connection or the service ends."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import httpx
from httpx_sse import EventSource, ServerSentEvent, connect_sse

from api.connection import Connection

PATH: Final = "/v1/events"
GAP: Final = "gap"
END: Final = "end"
_CONNECT_S: Final = 30.0
_SILENCE_S: Final = 60.0
"""After which a stream is lost: a service is never silent for as long."""
_RETRY_S: Final = 2.0
_LONGEST_S: Final = 30.0
_FOREVER: Final = frozenset({httpx.codes.TOO_MANY_REQUESTS, *range(500, 600)})
"""Answers after which a reader that was let in before comes again."""
Query = Mapping[str, str | Sequence[str]]


class Follower:
    """Yields events, each once, across lost connections and restarts of the service.

    Args:
        connection: To the service.
        query: Filters, as `GET /v1/events` takes them.
        after: Id of an event to go on after; None: where the query says, or now.
        say: Is told in a sentence when the stream is lost and found again.
        pause: Waits for some seconds.
        chance: Spreads readers that lost the same service.
    """

    def __init__(
        self,
        connection: Connection,
        query: Query,
        *,
        after: str | None = None,
        say: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self._connection, self._query, self._say, self._pause = connection, dict(query), say, pause
        self._chance = chance or random.Random()  # noqa: S311 - no secret depends on it
        self._position = after
        self._retry_s, self._failures = _RETRY_S, 0
        self._followed = False

    @property
    def position(self) -> str | None:
        """The id to come again with; None where nothing came yet."""
        return self._position

    def events(self) -> Iterator[ServerSentEvent]:
        """Yield events as they come, `gap` among them, without end.

        Raises:
            ClientError: The service refuses; or it never answered at all.
        """
        asked = self._connection
        timeout = httpx.Timeout(_CONNECT_S, read=_SILENCE_S)
        with httpx.Client(
            base_url=asked.url, headers=asked.headers, verify=asked.trust(), timeout=timeout
        ) as http:
            while True:
                why = "it ended"
                try:
                    with self._open(http) as source:
                        for event in source.iter_sse():
                            self._note(event)
                            if event.event == END:
                                why = event.json()["text"]
                            elif event.data:
                                yield event
                except httpx.HTTPError as error:
                    if not self._followed:
                        raise asked.unreachable(error) from error
                    why = str(error) or type(error).__name__
                self._wait(why)

    @contextmanager
    def _open(self, http: httpx.Client) -> Iterator[EventSource]:
        headers = {"Last-Event-ID": self._position} if self._position else {}
        query: dict[str, Any] = dict(self._query)
        with connect_sse(http, "GET", PATH, params=query, headers=headers) as source:
            answer = source.response
            if answer.is_success:
                yield source
                return
            answer.read()
            if not self._followed or answer.status_code not in _FOREVER:
                raise self._connection.refusal(answer.status_code, answer.content, answer.headers)
            msg = f"it answers {answer.status_code}"
            raise httpx.RemoteProtocolError(msg)

    def _note(self, event: ServerSentEvent) -> None:
        if self._failures > 1:
            self._say("The stream is back; nothing was missed unless it says so.")
        self._followed, self._failures = True, 0
        self._position = event.id or self._position
        if event.retry is not None:
            self._retry_s = event.retry / 1000

    def _wait(self, why: str) -> None:
        self._failures += 1
        # A first one is a restart, of which nobody need hear.
        if self._failures == 2:
            self._say(f"The stream is lost ({why}); trying again until it is back.")
        longest = min(_LONGEST_S, self._retry_s * 2 ** min(self._failures - 1, 10))
        self._pause(longest * self._chance.uniform(0.5, 1))
