"""One attempt to bring a batch to the service, and what its answer means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from urllib3.exceptions import HTTPError, MaxRetryError

from collector.connection import NO_FILES, Connection, Trust
from wire.codec import CONTENT_TYPE, SIGNATURE_HEADER, sign, signing_key
from wire.trace import TRACEPARENT, traceparent_of

INGEST_PATH: Final = "/v1/ingest/profiles"
_MAX_ANSWER_BYTES: Final = 64 << 10
_MAX_DETAIL: Final = 500
_REFUSED_FOR_EVER: Final = frozenset({400, 409, 413, 415, 422})


class Verdict(Enum):
    """What an answer means for the batch."""

    KNOWN = "known"
    """The service has it, now or since an earlier attempt."""
    REFUSED = "refused"
    """The service will never take it."""
    LATER = "later"
    """Nothing is wrong with the batch; try again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt's outcome."""

    verdict: Verdict
    detail: str = ""
    cause: str = ""
    """Names an outage, so that each is told once; empty unless `LATER`."""
    retry_after_s: float = 0.0


def judge(status: int, said: Mapping[str, Any], retry_after_s: float = 0.0) -> Answer:
    """Say what a service's answer means.

    A success without a receipt comes from somebody else, such as a portal or a proxy before the service.

    Args:
        status: The answer's.
        said: Its JSON object: a receipt, or a problem (RFC 9457); empty where it has none.
        retry_after_s: How long the service wants to be left alone, in seconds.

    Examples:
        >>> judge(200, {"accepted": 3, "duplicates": 0}).verdict
        <Verdict.KNOWN: 'known'>
        >>> judge(200, {}).verdict
        <Verdict.LATER: 'later'>
        >>> judge(409, {"type": "/problems/replayed"}).verdict
        <Verdict.KNOWN: 'known'>
        >>> judge(422, {"type": "/problems/future-dated"}).verdict
        <Verdict.REFUSED: 'refused'>
    """
    detail = str(said.get("detail") or said.get("title") or "")[:_MAX_DETAIL]
    if status == 200 and type(said.get("accepted")) is int:
        return Answer(Verdict.KNOWN)
    if status == 409 and str(said.get("type", "")).endswith("/replayed"):
        return Answer(Verdict.KNOWN)
    if status in _REFUSED_FOR_EVER:
        return Answer(Verdict.REFUSED, f"{status}: {detail}")
    if status in {401, 403}:
        return Answer(Verdict.LATER, f"The service does not accept the token ({status}: {detail})", "token")
    if status in {408, 429} or status >= 500:
        return Answer(
            Verdict.LATER, f"The service is busy or broken ({status}: {detail})", "service", retry_after_s
        )
    return Answer(Verdict.LATER, f"The URL does not lead to a nonself service ({status}: {detail})", "url")


class Sender(Connection):
    """A connection for bodies of one kind."""

    def __init__(
        self,
        url: str,
        token_file: Path,
        trust: Trust = NO_FILES,
        *,
        path: str = INGEST_PATH,
        content_type: str = CONTENT_TYPE,
        traces_ratio: float = 0.0,
    ) -> None:
        """Read the token.

        Raises:
            TokenError: The file cannot be read or holds no token.
        """
        self._url = url.rstrip("/") + path
        self._content_type = content_type
        self._traces_ratio = traces_ratio
        super().__init__(token_file, trust, read_s=30)

    def send(self, body: bytes) -> Answer:
        """Post one encoded batch; never raises for what a network or a service does."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": self._content_type,
            "Content-Encoding": "gzip",
            SIGNATURE_HEADER: sign(body, signing_key(self._token)),
            TRACEPARENT: traceparent_of(body, self._traces_ratio),
        }
        try:
            response = self._pool.request(
                "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
            )
            plain = response.read(_MAX_ANSWER_BYTES, decode_content=True)
            response.drain_conn()
            response.release_conn()
        except HTTPError as error:
            return Answer(Verdict.LATER, f"The service cannot be reached ({_why(error)})", "network")
        answer = judge(response.status, _object(plain), _seconds(response.headers.get("Retry-After")))
        if answer.cause == "token":
            self._read_token_anew()
        return answer


def _object(plain: bytes) -> Mapping[str, Any]:
    """Return a JSON object; an empty one where the body is something else."""
    try:
        value = json.loads(plain)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(text: str | None) -> float:
    """Return a Retry-After given in seconds; its other form, a date, counts as none."""
    return float(text) if text and text.isdecimal() and len(text) < 10 else 0.0


def _why(error: HTTPError) -> str:
    return str(error.reason if isinstance(error, MaxRetryError) else error).rpartition(": ")[2].rstrip(".")
