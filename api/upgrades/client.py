"""Upgrades of images at a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection
from api.upgrades.schemas import DecisionIn, UpgradeDetailOut, UpgradeOut, UpgradeQuery

_PATH = "/v1/upgrades"


class Upgrades:
    """Changes of workloads to new images."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: UpgradeQuery | None = None) -> Iterator[UpgradeOut]:
        """Yield upgrades in the order in which they began.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(UpgradeOut, _PATH, query)

    def get(self, upgrade: int) -> UpgradeDetailOut:
        """Return one of them, with what the new image does otherwise.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(UpgradeDetailOut, f"{_PATH}/{upgrade}")

    def approve(self, upgrade: int, wish: DecisionIn) -> UpgradeDetailOut:
        """Let the new image's version be the live one.

        Raises:
            ClashError: It is decided already.
        """
        return self._connection.post(UpgradeDetailOut, f"{_PATH}/{upgrade}/approve", wish)

    def reject(self, upgrade: int, wish: DecisionIn) -> UpgradeDetailOut:
        """Drop what the new image taught.

        Raises:
            ClashError: It is decided already.
        """
        return self._connection.post(UpgradeDetailOut, f"{_PATH}/{upgrade}/reject", wish)
