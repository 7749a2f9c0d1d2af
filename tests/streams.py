"""A reader of live streams that runs beside a test."""

import socket
import threading
from contextlib import suppress
from typing import Any, Self

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from api.tokens.service import Role
from tests.service import Service
from tests.waiting import wait_for


class Reader:
    """Follows a stream in a thread, from when the block begins until it ends.

    Args:
        service: Which is followed.
        role: Whose token is shown.
        secret: Another token.
        after: Sent as the header `Last-Event-ID`.
        query: Of the address.
    """

    def __init__(
        self,
        service: Service,
        *,
        role: Role = Role.READ,
        secret: str | None = None,
        after: str | None = None,
        **query: Any,
    ) -> None:
        headers = {"Authorization": f"Bearer {secret or service.secrets[role]}"}
        if after is not None:
            headers["Last-Event-ID"] = after
        self._url, self._headers, self._query = f"{service.url}/v1/events", headers, query
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._read)
        self.answer: httpx.Response | None = None
        self.received: list[ServerSentEvent] = []
        self.ended = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        # The first thing that is sent is where the stream is.
        wait_for(lambda: self.received or self.ended.is_set())
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    @property
    def events(self) -> list[ServerSentEvent]:
        """What a browser would be told of."""
        return [each for each in list(self.received) if each.data]

    @property
    def names(self) -> list[str]:
        """The names of events, in order."""
        return [each.event for each in self.events]

    @property
    def data(self) -> list[Any]:
        """What events say."""
        return [each.json() for each in self.events]

    @property
    def alerts(self) -> list[tuple[str, int]]:
        """What happened to which alert."""
        return [(each["change"]["change"], each["alert"]["id"]) for each in self.data if "alert" in each]

    @property
    def last_id(self) -> str:
        """The id to come again with."""
        return self.received[-1].id

    def wait(self, count: int) -> Self:
        """Wait for so many events."""
        wait_for(lambda: len(self.events) >= count, said=lambda: f"There are {self.names}.")
        return self

    def _read(self) -> None:
        try:
            with (
                httpx.Client(timeout=60) as client,
                connect_sse(
                    client, "GET", self._url, params=self._query or None, headers=self._headers
                ) as source,
            ):
                self.answer = source.response
                self._socket = source.response.extensions["network_stream"].get_extra_info("socket")
                if source.response.status_code != 200:
                    source.response.read()
                    return
                for event in source.iter_sse():
                    self.received.append(event)
        except httpx.HTTPError:
            pass  # The connection ended without a word; tests look at what came.
        finally:
            self.ended.set()
