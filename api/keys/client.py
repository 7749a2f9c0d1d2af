"""Keys that a service trusts, for programs."""

from api.connection import Connection
from api.keys.schemas import KeyIn, KeyOut, KeysOut, OwnKeyOut, RevokeIn

_PATH = "/v1/keys"


class Keys:
    """Whose bundles are taken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> list[KeyOut]:
        """Return all keys, those that are no longer trusted too.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.get(KeysOut, _PATH).items

    def own(self) -> OwnKeyOut:
        """Return the public key that the service signs with.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.get(OwnKeyOut, f"{_PATH}/own")

    def trust(self, wish: KeyIn) -> KeyOut:
        """Take bundles of a key from now on.

        Raises:
            ClashError: The key, or its name, is known already.
        """
        return self._connection.post(KeyOut, _PATH, wish)

    def revoke(self, key: int, wish: RevokeIn) -> KeyOut:
        """Take them no longer.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.post(KeyOut, f"{_PATH}/{key}/revoke", wish)
