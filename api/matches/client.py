"""Matches of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection
from api.matches.schemas import MatchOut, MatchQuery


class Matches:
    """What signature rules saw."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: MatchQuery | None = None) -> Iterator[MatchOut]:
        """Yield matches in the order in which they were raised.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(MatchOut, "/v1/matches", query)
