"""One kept-open connection to the service, and the token that it is let in with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
import urllib3

from collector.errors import TokenError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trust:
    """How agent and service know each other by certificates (PEM files); empty where they do not."""

    ca_file: str = ""
    """Certificates to trust; empty: the system's."""
    client_cert: str = ""
    """Shown to a service that asks for one."""
    client_key: str = ""
    """Private key of `client_cert`; empty: it is in the same file."""


NO_FILES: Final = Trust()


class Connection:
    """What everything that asks the service something has in common.

    Args:
        token_file: Holds the API token; read now, and again once the service refuses it.
        trust: Whom to trust, and what to show.
        read_s: Longest wait for an answer.

    Raises:
        TokenError: The file cannot be read or holds no token.
    """

    def __init__(self, token_file: Path, trust: Trust, *, read_s: float) -> None:
        self._token_file = token_file
        self._token = read_token(token_file)
        self._pool = open_pool(trust, read_s=read_s)

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def _read_token_anew(self) -> None:
        """Take up a token that was changed on disk; it may be half written, so nothing is raised."""
        try:
            self._token = read_token(self._token_file)
        except TokenError as error:
            log.warning("token_unreadable", reason=str(error))


def open_pool(trust: Trust, *, read_s: float) -> urllib3.PoolManager:
    """Return what speaks HTTP to one service, over TLS where its URL says so.

    Args:
        trust: Whom to trust, and what to show.
        read_s: Longest wait for an answer.
    """
    return urllib3.PoolManager(
        num_pools=1,
        retries=False,
        timeout=urllib3.Timeout(connect=5, read=read_s),
        ca_certs=trust.ca_file or None,
        cert_file=trust.client_cert or None,
        key_file=trust.client_key or None,
    )


def read_token(path: Path) -> str:
    """Return the API token in a file.

    Raises:
        TokenError: The file cannot be read or holds no token.
    """
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        msg = f"The token file {path} cannot be read ({reason}); name the right one with --token-file."
        raise TokenError(msg) from error
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        msg = f"The token file {path} must hold one token on one line; what it holds is none."
        raise TokenError(msg)
    return token
