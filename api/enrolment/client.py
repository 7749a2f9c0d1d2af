"""Enrolment of nodes at a service, for programs."""

from api.connection import Connection
from api.enrolment.schemas import EnrolIn, NodeTokenOut


class Enrolment:
    """From a one-time token to a node's own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enrol(self, wish: EnrolIn) -> NodeTokenOut:
        """Exchange the connection's one-time token for the token of a node.

        Raises:
            ClashError: The node has a token already.
        """
        return self._connection.post(NodeTokenOut, "/v1/enrol", wish)

    def rotate(self) -> NodeTokenOut:
        """Give the node's token another secret.

        Raises:
            ClashError: The token belongs to no node.
        """
        return self._connection.post(NodeTokenOut, "/v1/enrol/rotate")
