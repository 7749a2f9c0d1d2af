"""Posts one alert to one URL, and says what the answer means."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

import urllib3

from api.errors import StartError
from api.targets import shown

CONNECT_S: Final = 5.0
READ_S: Final = 10.0
_MOST_READ: Final = 4096
_HEADER: Final = re.compile(r"([A-Za-z0-9-]+):\s+(\S.*)")
_LATER: Final = frozenset({401, 403, 408, 429})
"""The receiver's state, or our token, and not the alert: another attempt may succeed."""


class Verdict(Enum):
    """What becomes of an alert."""

    SENT = auto()
    REFUSED = auto()
    """The same alert would be refused again."""
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt led to."""

    verdict: Verdict
    detail: str = ""
    retry_after_s: float = 0.0


class Poster:
    """Posts over connections that stay open. Redirects are not followed, certificates are verified.

    Args:
        url: An http or https URL.
        auth_file: A file with a token, sent as bearer, or with a whole header; read for each
            alert, so that a new one is used at once. Empty for none.
        ca_file: Certificates that are trusted in place of the system's; empty for those.
    """

    def __init__(self, url: str, *, auth_file: str = "", ca_file: str = "") -> None:
        self._url = url
        self._auth_file = auth_file
        self._ca_file = ca_file
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=ca_file or None,
        )

    def check(self) -> None:
        """Read the files.

        Raises:
            StartError: One cannot be read, or holds something else.
        """
        try:
            self._auth()
        except (OSError, ValueError) as error:
            msg = f"falco_auth_file: {_reason(error)}."
            raise StartError(msg) from error
        if not self._ca_file:
            return
        try:
            urllib3.util.create_urllib3_context().load_verify_locations(self._ca_file)
        except OSError as error:  # ssl.SSLError is one
            msg = f"falco_ca_file: expected PEM certificates in {self._ca_file}; got {_reason(error)}."
            raise StartError(msg) from error

    def post(self, line: str) -> Answer:
        """Try once; it takes at most some 15 s, unless the answer trickles."""
        try:
            headers = {"Content-Type": "application/json", "User-Agent": "nonself"} | self._auth()
        except (OSError, ValueError) as error:
            return Answer(Verdict.LATER, f"the authentication cannot be read: {_reason(error)}")
        try:
            response = self._http.request(
                "POST",
                self._url,
                body=line.encode(),
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                # Nothing in it matters, but a connection with an unread answer cannot be used again.
                response.read(_MOST_READ)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Answer(Verdict.LATER, _failure(error))
        return judge(response.status, response.headers.get("Retry-After", ""))

    def close(self) -> None:
        """Close all connections."""
        self._http.clear()

    def _auth(self) -> dict[str, str]:
        if not self._auth_file:
            return {}
        return auth_header(Path(self._auth_file).read_text())

    def __str__(self) -> str:
        return shown(self._url)


def auth_header(text: str) -> dict[str, str]:
    r"""Return the header that a file asks for.

    Raises:
        ValueError: It is not one printable line.

    Examples:
        >>> auth_header("secret\n"), auth_header("X-Api-Key: secret")
        ({'Authorization': 'Bearer secret'}, {'X-Api-Key': 'secret'})
    """
    line = text.strip()
    header = _HEADER.fullmatch(line)
    if not line or not line.isascii() or not line.isprintable() or (" " in line and not header):
        msg = "expected one line with a token, or with a header as in 'X-Api-Key: secret'"
        raise ValueError(msg)
    return {header[1]: header[2]} if header else {"Authorization": f"Bearer {line}"}


def judge(status: int, retry_after: str = "") -> Answer:
    """Say what a status means: what will not change by waiting is not tried again.

    Examples:
        >>> [judge(each).verdict.name for each in (200, 204, 301, 400, 408, 429, 503)]
        ['SENT', 'SENT', 'LATER', 'REFUSED', 'LATER', 'LATER', 'LATER']
    """
    if 200 <= status < 300:
        return Answer(Verdict.SENT)
    detail = f"it answered {status}"
    if 400 <= status < 500 and status not in _LATER:
        return Answer(Verdict.REFUSED, detail)
    if 300 <= status < 400:
        detail += ", and redirects are not followed"
    pause_s = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return Answer(Verdict.LATER, detail, pause_s)


def _failure(error: Exception) -> str:
    """Say what is wrong with a connection, without the URL, whose query may be secret."""
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "its name cannot be resolved"
        case urllib3.exceptions.SSLError():
            return f"its certificate or TLS is not accepted: {error}"
        case urllib3.exceptions.NewConnectionError():
            return "it takes no connection"
        case urllib3.exceptions.TimeoutError():
            return "it does not answer in time"
        case _:
            return f"the connection failed ({type(error).__name__})"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename} cannot be read: {error.strerror}" if error.filename else error.strerror
    return str(error)
