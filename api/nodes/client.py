"""Agents of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection
from api.nodes.schemas import NodeOut
from api.paging import PageQuery


class Nodes:
    """What agents say of themselves."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: PageQuery | None = None) -> Iterator[NodeOut]:
        """Yield agents in the order in which they first reported.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(NodeOut, "/v1/nodes", query)
