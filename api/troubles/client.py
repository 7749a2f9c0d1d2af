"""Troubles of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection
from api.paging import PageQuery
from api.troubles.schemas import TroubleChangeOut, TroubleOut, TroubleQuery

_PATH = "/v1/troubles"


class Troubles:
    """What is wrong with nonself itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: TroubleQuery | None = None) -> Iterator[TroubleOut]:
        """Yield what is or was wrong, in the order in which it began.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(TroubleOut, _PATH, query)

    def changes(self, query: PageQuery | None = None) -> Iterator[TroubleChangeOut]:
        """Yield what began and what ended.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(TroubleChangeOut, f"{_PATH}/changes", query)
