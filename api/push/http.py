"""Posts to an address that was checked: resolved once, connected to as resolved, no redirect followed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import urllib3

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
        read_s: Longest time between two parts of an answer.
    """

    guard: Guard
    ca_file: str = ""
    connect_s: float = CONNECT_S
    read_s: float = READ_S

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, now_ms: int = 0) -> Answer:
        """Post once; the name of the host is looked up once, and what was judged is what is connected to."""
        parts = urlsplit(url)
        secure, host = parts.scheme == "https", parts.hostname or ""
        port = parts.port or (443 if secure else 80)
        try:
            address = self.guard.check(host, port)
        except GuardError as error:
            return Answer(down(f"{error}"))
        timeout = urllib3.Timeout(connect=self.connect_s, read=self.read_s)
        pool = (
            urllib3.HTTPSConnectionPool(
                address,
                port,
                timeout=timeout,
                cert_reqs="CERT_REQUIRED",
                ca_certs=self.ca_file or None,
                server_hostname=host,
                assert_hostname=host,
            )
            if secure
            else urllib3.HTTPConnectionPool(address, port, timeout=timeout)
        )
        path = parts.path or "/"
        target = f"{path}?{parts.query}" if parts.query else path
        with pool:
            return _ask(pool, target, body, {"Host": parts.netloc.rpartition("@")[2], **headers}, now_ms)


def _ask(
    pool: urllib3.HTTPConnectionPool, target: str, body: bytes, headers: Mapping[str, str], now_ms: int
) -> Answer:
    try:
        response = pool.urlopen(
            "POST",
            target,
            body=body,
            headers={"User-Agent": "nonself", **headers},
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            said = response.read(MOST_READ, decode_content=False)
        finally:
            response.close()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Answer(down(failure(error)))
    outcome = judge(response.status, response.headers.get("Retry-After", ""), now_ms=now_ms)
    if outcome.verdict is Verdict.REFUSED and (why := printable(said)):
        outcome = Outcome(outcome.verdict, f"{outcome.detail}: {why}", outcome.retry_after_s)
    return Answer(outcome, said)


def failure(error: Exception) -> str:
    """Return in a few words why there is no answer."""
    timed_out = isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError)
    # A connection that is refused is a timeout too, in urllib3's tree.
    if timed_out and not isinstance(error, urllib3.exceptions.NewConnectionError):
        return "it did not answer in time"
    if isinstance(error, urllib3.exceptions.SSLError):
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
