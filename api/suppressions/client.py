"""Suppressions of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection
from api.suppressions.schemas import (
    EndSuppressionIn,
    PreviewOut,
    ScopeIn,
    SuppressionIn,
    SuppressionOut,
    SuppressionQuery,
)

_PATH = "/v1/suppressions"


class Suppressions:
    """What raises no alert for a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: SuppressionQuery | None = None) -> Iterator[SuppressionOut]:
        """Yield suppressions in the order in which they were made.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(SuppressionOut, _PATH, query)

    def get(self, suppression: int) -> SuppressionOut:
        """Return one of them.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(SuppressionOut, f"{_PATH}/{suppression}")

    def preview(self, scope: ScopeIn) -> PreviewOut:
        """Return what one would silence; nothing is changed.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.post(PreviewOut, f"{_PATH}/preview", scope)

    def create(self, wish: SuppressionIn) -> SuppressionOut:
        """Let findings raise no alert.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.post(SuppressionOut, _PATH, wish)

    def end(self, suppression: int, wish: EndSuppressionIn) -> SuppressionOut:
        """Let them raise alerts again.

        Raises:
            ClashError: It has ended already.
        """
        return self._connection.post(SuppressionOut, f"{_PATH}/{suppression}/end", wish)
