"""A client of the REST interface, for the commands that ask a running service."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import urllib3

from api.errors import ClientError

_TIMEOUT_S: Final = 30


class Client:
    """Asks one service with one token."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._url = url.rstrip("/")
        try:
            self._token = token_file.read_text().strip()
        except OSError as error:
            reason = error.strerror or error
            msg = f"The token file {token_file} cannot be read: {reason}. Name one with --token-file."
            raise ClientError(msg) from error
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_S, retries=False)

    def get(self, path: str, **params: str) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a GET.

        Raises:
            ClientError: There is none, or it is an error.
        """
        return self._ask("GET", path, fields=params)

    def put(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a PUT.

        Raises:
            ClientError: There is none, or it is an error.
        """
        return self._ask("PUT", path, json=body)

    def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a POST.

        Raises:
            ClientError: There is none, or it is an error.
        """
        return self._ask("POST", path, json=body)

    def list(self, path: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield every entry of a list, page by page.

        Raises:
            ClientError: A page cannot be had.
        """
        cursor: dict[str, str] = {}
        while items := (page := self.get(path, **params, **cursor))["items"]:
            yield from items
            cursor = {"cursor": page["next_cursor"]}

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            response = self._http.request(method, self._url + path, headers=headers, **arguments)
            answer = json.loads(response.data)
        except urllib3.exceptions.HTTPError as error:
            msg = (
                f"No service answers at {self._url}; start one with 'nonself up', or name another with --url."
            )
            raise ClientError(msg) from error
        except ValueError as error:
            msg = f"{self._url} is not a nonself service: its answer is not JSON."
            raise ClientError(msg) from error
        if response.status >= 400:
            raise ClientError(str(answer.get("detail", answer)))
        return answer
