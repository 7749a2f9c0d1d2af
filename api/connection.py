"""One service and one token: sends requests, tries again where that is safe, and reads answers as models."""

import json
import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from pydantic import BaseModel, ValidationError

from api.errors import ClientError
from api.paging import Page, PageQuery
from api.refusals import NotOursError, RefusedError, UnreachableError, refused
from api.validation import sentence

ModelT = TypeVar("ModelT", bound=BaseModel)
Params = Mapping[str, object]

_TIMEOUT_S: Final = 30.0
_FIRST_S: Final = 0.25
_LONGEST_S: Final = 15.0
_AGAIN: Final = frozenset({429, 503})
"""Statuses after which the same request may be sent again: nothing was changed, and it will pass."""
_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
"""Methods that may be sent again where no answer came: a second time changes nothing more."""


def read_token(path: Path) -> str:
    """Return the token that a file holds.

    Raises:
        ClientError: The file cannot be read.
    """
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"The token file {path} cannot be read: {reason}. Name one with --token-file."
        raise ClientError(msg) from error


def build(model: type[ModelT], where: str = "body", **given: object) -> ModelT:
    """Return a body or query of what a person gave; the sentence for a wrong one is the service's.

    Raises:
        ClientError: It cannot be.
    """
    try:
        return model(**given)
    except ValidationError as error:
        found = [sentence({**each, "loc": (where, *each["loc"])}) for each in error.errors()]
        raise ClientError("; ".join(found) + ".") from error


def part(name: object) -> str:
    """Return a name or number as one part of a path."""
    return quote(str(name), safe="")


class Connection:
    """Asks one service with one token; may be used by several threads.

    Args:
        url: Where the service answers, such as `http://127.0.0.1:8787`.
        token: The bearer token.
        ca_file: Certificates to trust instead of the system's (PEM).
        client_cert: Certificate to show where the service asks for one (PEM).
        client_key: Its private key (PEM).
        patience_s: For how long a request may be tried again in all; 0 tries once.
        wait_for_start: Whether to try again also where nothing listens.
        sleep: Waits for so many seconds.
        dice: Spreads those who come back.

    Raises:
        ClientError: A file cannot be read.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        ca_file: str = "",
        client_cert: str = "",
        client_key: str = "",
        patience_s: float = 60.0,
        wait_for_start: bool = True,
        sleep: Callable[[float], None] = time.sleep,
        dice: random.Random | None = None,
    ) -> None:
        for path in filter(None, (ca_file, client_cert, client_key)):
            if not Path(path).is_file():
                msg = f"The file {path} cannot be read."
                raise ClientError(msg)
        self.url = url.rstrip("/")
        self.headers: Final = {"Authorization": f"Bearer {token}"}
        """Header fields with which each request says who asks."""
        self._tls = (ca_file, client_cert, client_key)
        self._patience_s, self._wait_for_start = patience_s, wait_for_start
        self._sleep, self._dice = sleep, dice or random.Random()  # noqa: S311 - no secret
        self._http = urllib3.PoolManager(
            timeout=_TIMEOUT_S,
            retries=False,
            ca_certs=ca_file or None,
            cert_file=client_cert or None,
            key_file=client_key or None,
        )

    def get(self, model: type[ModelT], path: str, query: BaseModel | Params | None = None) -> ModelT:
        """Return the answer to a GET.

        Raises:
            ClientError: There is none, or the service refuses.
        """
        return self._read(model, self.ask("GET", path, query=query))

    def post(
        self,
        model: type[ModelT],
        path: str,
        body: BaseModel | None = None,
        *,
        query: BaseModel | Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ModelT:
        """Return the answer to a POST.

        Raises:
            ClientError: There is none, or the service refuses.
        """
        return self._read(model, self.ask("POST", path, query=query, body=body, headers=headers))

    def put(self, model: type[ModelT], path: str, body: BaseModel) -> ModelT:
        """Return the answer to a PUT.

        Raises:
            ClientError: There is none, or the service refuses.
        """
        return self._read(model, self.ask("PUT", path, body=body))

    def delete(self, model: type[ModelT], path: str, query: BaseModel | Params | None = None) -> ModelT:
        """Return the answer to a DELETE.

        Raises:
            ClientError: There is none, or the service refuses.
        """
        return self._read(model, self.ask("DELETE", path, query=query))

    def pages(self, model: type[ModelT], path: str, query: PageQuery | None = None) -> Iterator[Page[ModelT]]:
        """Yield the pages of a list, the empty one at its end too; each has the cursor of what follows.

        Raises:
            ClientError: A page cannot be had.
        """
        asked = _params(query)
        while True:
            page = self._read(Page[model], self.ask("GET", path, query=asked))  # type: ignore[valid-type]
            yield page
            if not page.items:
                return
            asked["cursor"] = page.next_cursor

    def list(self, model: type[ModelT], path: str, query: PageQuery | None = None) -> Iterator[ModelT]:
        """Yield every entry of a list, page by page.

        Raises:
            ClientError: A page cannot be had.
        """
        for page in self.pages(model, path, query):
            yield from page.items

    def upload(
        self, model: type[ModelT], path: str, content: bytes, type_: str, query: BaseModel | Params
    ) -> ModelT:
        """Return the answer to a POST of a file.

        Raises:
            ClientError: There is none, or the service refuses.
        """
        return self._read(model, self.ask("POST", path, query=query, content=content, type_=type_))

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: BaseModel | Params | None = None,
        body: BaseModel | None = None,
        content: bytes | None = None,
        type_: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of an answer as it came.

        A request that is answered with 429 or 503 is sent again after `Retry-After`, or a random and
        growing pause; one without an answer only where sending it twice changes nothing more.

        Raises:
            UnreachableError: There is no answer.
            RefusedError: The service refuses.
            NotOursError: It is no nonself service.
        """
        if body is not None:
            content = body.model_dump_json(by_alias=True, exclude_unset=True).encode()
        named = self.headers | dict(headers or {}) | ({} if content is None else {"Content-Type": type_})
        target = f"{self.url}{path}"
        if asked := _params(query):
            target += f"?{urlencode(asked, doseq=True)}"
        left_s, attempt = self._patience_s, 0
        while True:
            try:
                return self._once(method, target, content, named)
            except (UnreachableError, RefusedError) as error:
                pause_s = self._pause_s(method, error, attempt)
                if pause_s is None or pause_s > left_s:
                    raise
            self._sleep(pause_s)
            left_s, attempt = left_s - pause_s, attempt + 1

    def trust(self) -> ssl.SSLContext:
        """Return which certificates are trusted, and the one that is shown."""
        ca_file, client_cert, client_key = self._tls
        trusted = ssl.create_default_context(cafile=ca_file or None)
        if client_cert:
            trusted.load_cert_chain(client_cert, client_key or None)
        return trusted

    def unreachable(self, error: Exception) -> UnreachableError:
        """Return the error of a service that gives no answer."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError | urllib3.exceptions.SSLError):
                msg = f"{self.url} and this command do not trust each other ({error}); see --ca-file."
                return UnreachableError(msg)
            cause = cause.__cause__ or cause.__context__
        msg = f"No service answers at {self.url}; start one with 'nonself up', or name another with --url."
        return UnreachableError(msg)

    def refusal(self, status: int, data: bytes, headers: Mapping[str, str]) -> RefusedError:
        """Return the error with which a service refuses.

        Raises:
            NotOursError: It is no nonself service.
        """
        return refused(status, self._json(data), _seconds(headers))

    def _once(self, method: str, target: str, content: bytes | None, headers: Mapping[str, str]) -> bytes:
        try:
            response = self._http.request(method, target, body=content, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from error
        if response.status >= 300:
            raise self.refusal(response.status, response.data, response.headers)
        return response.data

    def _pause_s(self, method: str, error: UnreachableError | RefusedError, attempt: int) -> float | None:
        """Return how long to wait before a request is sent again; None where it must not be."""
        if isinstance(error, RefusedError):
            if error.status not in _AGAIN:
                return None
            if error.retry_after_s is not None:
                return error.retry_after_s
        elif isinstance(error.__cause__, urllib3.exceptions.NewConnectionError):
            # It was never sent, whatever its method.
            if not self._wait_for_start:
                return None
        elif method not in _REPEATABLE or isinstance(error.__cause__, urllib3.exceptions.SSLError):
            return None
        return self._dice.uniform(_FIRST_S / 2, min(_LONGEST_S, _FIRST_S * 2**attempt))

    def _read(self, model: type[ModelT], data: bytes) -> ModelT:
        found = self._json(data)
        try:
            return model.model_validate(found)
        except ValidationError as error:
            said = sentence({**error.errors()[0], "loc": ("answer", *error.errors()[0]["loc"])})
            msg = f"{self.url} answers as another release of nonself: {said}."
            raise NotOursError(msg) from error

    def _json(self, data: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(data)
        except ValueError as error:
            msg = f"{self.url} is not a nonself service: its answer is not JSON."
            raise NotOursError(msg) from error


def to_json(answer: BaseModel) -> Any:  # noqa: ANN401 - JSON
    """Return an answer as the service sent it, for scripts and tables."""
    return answer.model_dump(mode="json", by_alias=True)


def _params(query: BaseModel | Params | None) -> dict[str, object]:
    if isinstance(query, BaseModel):
        query = query.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {name: _text(value) for name, value in (query or {}).items() if value is not None}


def _text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _seconds(headers: Mapping[str, str]) -> float | None:
    said = headers.get("Retry-After", "")
    return float(said) if said.isdecimal() else None
