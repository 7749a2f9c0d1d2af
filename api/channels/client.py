"""Channels of a service, for programs."""

from collections.abc import Iterator

from api.channels.schemas import (
    ChannelIn,
    ChannelMadeOut,
    ChannelOut,
    DeliveryOut,
    DeliveryQuery,
    DisableIn,
    RevivedOut,
    RotateSecretIn,
    RoutingIn,
    TriedOut,
)
from api.connection import Connection
from api.paging import PageQuery

_PATH = "/v1/channels"


class Channels:
    """Who is told of alerts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: PageQuery | None = None) -> Iterator[ChannelOut]:
        """Yield channels in the order in which they were made.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(ChannelOut, _PATH, query)

    def get(self, channel: int) -> ChannelOut:
        """Return one of them.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(ChannelOut, f"{_PATH}/{channel}")

    def create(self, wish: ChannelIn) -> ChannelMadeOut:
        """Make one; its secret is in this answer and nowhere else.

        Raises:
            ClashError: The name is taken.
        """
        return self._connection.post(ChannelMadeOut, _PATH, wish)

    def route(self, channel: int, wish: RoutingIn) -> ChannelOut:
        """Say what it is told, in which format, and when.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.put(ChannelOut, f"{_PATH}/{channel}/routing", wish)

    def rotate(self, channel: int, wish: RotateSecretIn) -> ChannelMadeOut:
        """Give it another secret.

        Raises:
            ClashError: Its messages are not signed.
        """
        return self._connection.post(ChannelMadeOut, f"{_PATH}/{channel}/rotate", wish)

    def enable(self, channel: int) -> ChannelOut:
        """Switch it on.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.post(ChannelOut, f"{_PATH}/{channel}/enable")

    def disable(self, channel: int, wish: DisableIn) -> ChannelOut:
        """Switch it off.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.post(ChannelOut, f"{_PATH}/{channel}/disable", wish)

    def remove(self, channel: int) -> ChannelOut:
        """Delete it with its deliveries.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.delete(ChannelOut, f"{_PATH}/{channel}")

    def test(self, channel: int) -> TriedOut:
        """Send a test message now.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.post(TriedOut, f"{_PATH}/{channel}/test")

    def deliveries(self, channel: int, query: DeliveryQuery | None = None) -> Iterator[DeliveryOut]:
        """Yield its deliveries, oldest first.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.list(DeliveryOut, f"{_PATH}/{channel}/deliveries", query)

    def redeliver(self, channel: int, delivery: int | None = None) -> RevivedOut:
        """Deliver again what was given up, or one message whatever became of it.

        Raises:
            MissingError: There is none of these ids.
        """
        one = "" if delivery is None else f"/deliveries/{delivery}"
        return self._connection.post(RevivedOut, f"{_PATH}/{channel}{one}/redeliver")
