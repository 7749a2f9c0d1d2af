"""One kept-open connection to the service, and the token that it is let in with."""

from pathlib import Path

import structlog
import urllib3

from collector.errors import TokenError

log = structlog.get_logger()


class Connection:
    """What everything that asks the service something has in common.

    Args:
        token_file: Holds the API token; read now, and again once the service refuses it.
        ca_file: Certificates to trust; the system's where it is empty.
        read_s: Longest wait for an answer.

    Raises:
        TokenError: The file cannot be read or holds no token.
    """

    def __init__(self, token_file: Path, ca_file: str, *, read_s: float) -> None:
        self._token_file = token_file
        self._token = read_token(token_file)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            retries=False,
            timeout=urllib3.Timeout(connect=5, read=read_s),
            ca_certs=ca_file or None,
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def _read_token_anew(self) -> None:
        """Take up a token that was changed on disk; it may be half written, so nothing is raised."""
        try:
            self._token = read_token(self._token_file)
        except TokenError as error:
            log.warning("token_unreadable", reason=str(error))


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
