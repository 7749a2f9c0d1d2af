"""Tokens of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection, part
from api.paging import PageQuery
from api.token_admin.schemas import RevokeTokenIn, RotateTokenIn, SecretOut, TokenIn, TokenOut

_PATH = "/v1/tokens"


class Tokens:
    """Who may ask."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: PageQuery | None = None) -> Iterator[TokenOut]:
        """Yield tokens, those that ended too, oldest first.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(TokenOut, _PATH, query)

    def get(self, name: str) -> TokenOut:
        """Return one of them.

        Raises:
            MissingError: There is none of this name.
        """
        return self._connection.get(TokenOut, f"{_PATH}/{part(name)}")

    def create(self, wish: TokenIn) -> SecretOut:
        """Make one; its secret is in this answer and nowhere else.

        Raises:
            ClashError: The name is taken.
        """
        return self._connection.post(SecretOut, _PATH, wish)

    def rotate(self, name: str, wish: RotateTokenIn) -> SecretOut:
        """Give it another secret.

        Raises:
            ClashError: It has ended.
        """
        return self._connection.post(SecretOut, f"{_PATH}/{part(name)}/rotate", wish)

    def revoke(self, name: str, wish: RevokeTokenIn) -> TokenOut:
        """Let nobody in by it any more.

        Raises:
            MissingError: There is none of this name.
        """
        return self._connection.post(TokenOut, f"{_PATH}/{part(name)}/revoke", wish)
