"""A client of the REST interface, for the commands that ask a running service."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from api.errors import ClientError

_TIMEOUT_S: Final = 30


class Client:
    """Asks one service with one token."""

    def __init__(
        self, url: str, token_file: Path, *, ca_file: str = "", client_cert: str = "", client_key: str = ""
    ) -> None:
        self._url = url.rstrip("/")
        try:
            self._token = token_file.read_text().strip()
        except OSError as error:
            reason = error.strerror or error
            msg = f"The token file {token_file} cannot be read: {reason}. Name one with --token-file."
            raise ClientError(msg) from error
        for path in filter(None, (ca_file, client_cert, client_key)):
            if not Path(path).is_file():
                msg = f"The file {path} cannot be read."
                raise ClientError(msg)
        self._tls = (ca_file, client_cert, client_key)
        self._http = urllib3.PoolManager(
            timeout=_TIMEOUT_S,
            retries=False,
            ca_certs=ca_file or None,
            cert_file=client_cert or None,
            key_file=client_key or None,
        )

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

    def download(self, path: str, **params: str) -> bytes:
        """Return the answer to a GET as it came: a file.

        Raises:
            ClientError: There is none, or it is an error.
        """
        return self._request("GET", path, fields=params).data

    def upload(self, path: str, content: bytes, type_: str, **params: str) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a POST of a file.

        Raises:
            ClientError: There is none, or it is an error.
        """
        query = urlencode(params)
        return self._ask("POST", f"{path}?{query}", body=content, headers={"Content-Type": type_})

    def list(self, path: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield every entry of a list, page by page.

        Raises:
            ClientError: A page cannot be had.
        """
        for page in self.pages(path, **params):
            yield from page["items"]

    def pages(self, path: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, the empty one at its end too.

        Raises:
            ClientError: A page cannot be had.
        """
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **params, **cursor)
            yield page
            if not page["items"]:
                return
            cursor = {"cursor": page["next_cursor"]}

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._url

    @property
    def headers(self) -> dict[str, str]:
        """Header fields with which each request says who asks."""
        return {"Authorization": f"Bearer {self._token}"}

    def trust(self) -> ssl.SSLContext:
        """Return which certificates are trusted, and the one that is shown."""
        ca_file, client_cert, client_key = self._tls
        trusted = ssl.create_default_context(cafile=ca_file or None)
        if client_cert:
            trusted.load_cert_chain(client_cert, client_key or None)
        return trusted

    def unreachable(self, error: Exception) -> ClientError:
        """Return the sentence on a service that gives no answer."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError | urllib3.exceptions.SSLError):
                msg = f"{self._url} and this command do not trust each other ({error}); see --ca-file."
                return ClientError(msg)
            cause = cause.__cause__ or cause.__context__
        msg = f"No service answers at {self._url}; start one with 'nonself up', or name another with --url."
        return ClientError(msg)

    def refusal(self, content: bytes) -> ClientError:
        """Return the sentence with which a service refuses."""
        try:
            answer = json.loads(content)
        except ValueError:
            return ClientError(self._not_ours())
        return ClientError(str(answer.get("detail", answer)))

    def delete(self, path: str, **params: str) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a DELETE.

        Raises:
            ClientError: There is none, or it is an error.
        """
        return self._ask("DELETE", path, fields=params)

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        response = self._request(method, path, **arguments)
        try:
            return json.loads(response.data)
        except ValueError as error:
            raise ClientError(self._not_ours()) from error

    def _request(self, method: str, path: str, **arguments: Any) -> urllib3.BaseHTTPResponse:  # noqa: ANN401
        headers = self.headers | arguments.pop("headers", {})
        try:
            response = self._http.request(method, self._url + path, headers=headers, **arguments)
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from error
        if response.status >= 400:
            raise self.refusal(response.data)
        return response

    def _not_ours(self) -> str:
        return f"{self._url} is not a nonself service: its answer is not JSON."
