"""Posts to an address that was checked: resolved once, connected to as resolved, no redirect followed."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from api.guard import Guard, GuardError
from api.push.outcome import Outcome, Verdict, down, judge

CONNECT_S: Final = 5.0
READ_S: Final = 15.0
MOST_READ: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is at most 64 KiB of it."""

    outcome: Outcome
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Http:
    """Posts for every kind of channel that speaks HTTP.

    Args:
        guard: Says which addresses may be reached.
        ca_file: Certificates that are trusted in place of the system's; empty for those.
        connect_s: Longest time to connect.
        read_s: Longest time from there to the end of the answer, however it trickles.
    """

    guard: Guard
    ca_file: str = ""
    connect_s: float = CONNECT_S
    read_s: float = READ_S

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, now_ms: int = 0) -> Answer:
        """Post once; the name of the host is looked up once, and what was judged is what is connected to."""
        parts = urlsplit(url)
        try:
            connection = self._connection(parts)
        except GuardError as error:
            return Answer(down(str(error)))
        path = parts.path or "/"
        target = f"{path}?{parts.query}" if parts.query else path
        late = threading.Event()
        try:
            connection.connect()
            with _cut_off(connection, self.read_s, late):
                named = {"Host": parts.netloc, "User-Agent": "nonself", **headers}
                connection.request(
                    "POST", target, body=body, headers=named, preload_content=False, decode_content=False
                )
                response = connection.getresponse()
                said = response.read(MOST_READ)
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            return Answer(down("it did not answer in time" if late.is_set() else failure(error)))
        finally:
            connection.close()
        if late.is_set():
            return Answer(down("it did not answer in time"))
        outcome = judge(response.status, response.headers.get("Retry-After", ""), now_ms=now_ms)
        if outcome.verdict is Verdict.REFUSED and (why := printable(said)):
            outcome = Outcome(outcome.verdict, f"{outcome.detail}: {why}", outcome.retry_after_s)
        return Answer(outcome, said)

    def _connection(self, parts: SplitResult) -> HTTPConnection:
        secure, host = parts.scheme == "https", parts.hostname or ""
        port = parts.port or (443 if secure else 80)
        address = self.guard.check(host, port)
        if not secure:
            return HTTPConnection(address, port, timeout=self.connect_s)
        return HTTPSConnection(
            address,
            port,
            timeout=self.connect_s,
            cert_reqs=ssl.CERT_REQUIRED,
            ca_certs=self.ca_file or None,
            server_hostname=host,
        )


@contextmanager
def _cut_off(connection: HTTPConnection, after_s: float, late: threading.Event) -> Iterator[None]:
    """End a connection that takes too long as a whole: a timeout of the socket begins anew with each byte."""
    plain = connection.sock
    if plain is None:
        msg = "the connection is closed"
        raise OSError(msg)
    # urllib3 gives it to the socket again before it reads.
    connection.timeout = after_s
    plain.settimeout(after_s)

    def cut() -> None:
        late.set()
        with suppress(OSError):
            # Of the plain socket: that of TLS would first forget its keys, which the reader still uses.
            socket.socket.shutdown(plain, socket.SHUT_RDWR)

    timer = threading.Timer(after_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def failure(error: Exception) -> str:
    """Return in a few words why there is no answer."""
    timed_out = isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError)
    # A connection that is refused is a timeout too, in urllib3's tree.
    if timed_out and not isinstance(error, urllib3.exceptions.NewConnectionError):
        return "it did not answer in time"
    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
        return f"its certificate or TLS is not accepted ({_cause(error)})"
    return f"no connection ({_cause(error)})"


def printable(said: bytes, most: int = 200) -> str:
    r"""Return the beginning of an answer as one line.

    Examples:
        >>> printable(b"no\n such\x00 field")
        'no such field'
    """
    text = "".join(each if each.isprintable() else " " for each in said[:most].decode(errors="replace"))
    return " ".join(text.split())


def _cause(error: Exception) -> str:
    reason: BaseException = error
    while (inner := reason.__cause__ or reason.__context__) is not None and not isinstance(reason, OSError):
        reason = inner
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
