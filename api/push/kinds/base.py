"""What all kinds of receivers have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from api.push.events import Event
from api.push.outcome import Outcome
from api.push.seal import Secrets
from api.push.still_open import Open
from api.push.words import Shape

RESEND_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is delivered.

    `id` is the same at every attempt. `secrets` are those of the channel at this attempt.
    """

    id: str
    event: Event
    now_ms: int
    shape: Shape
    secrets: Secrets


class Transport(Protocol):
    """Delivers to one receiver; one thread uses it."""

    resend_s: float | None
    """How often all that is open is sent again; None for never."""

    def send(self, message: Message) -> Outcome:
        """Try once; it ends in bounded time and raises nothing that a receiver or a network can cause."""
        ...

    def resend(self, told: Open, secrets: Secrets, now_ms: int) -> Outcome:
        """Send all that is open again."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class OneWay:
    """A transport that is told of each change once."""

    resend_s: float | None = None

    def resend(self, _told: Open, _secrets: Secrets, _now_ms: int) -> Outcome:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of nothing: each message has a connection of its own."""


def bearer(secrets: Secrets) -> dict[str, str]:
    """Return the header that authenticates with a token, where there is one."""
    return {"Authorization": f"Bearer {secrets.token}"} if secrets.token else {}


def check_url(address: str, schemes: Sequence[str], *, port: bool = False) -> None:
    """Check the address of a receiver.

    Raises:
        ValueError: The message says what was expected.

    Examples:
        >>> check_url("https://soc.example/hooks?team=7", ("https", "http"))
    """
    schemed = " or ".join(f"{each}://" for each in schemes)
    wanted = f"expected {schemed} with a host{' and a port' if port else ''}, without a user or a fragment"
    try:
        parts = urlsplit(address)
        given = parts.port
    except ValueError as error:
        raise ValueError(wanted) from error
    plain = address.isascii() and address.isprintable() and " " not in address
    if not plain or parts.scheme not in schemes or not parts.hostname or given == 0:
        raise ValueError(wanted)
    if "@" in parts.netloc or parts.fragment or (port and given is None):
        raise ValueError(wanted)


def shown_url(address: str) -> str:
    """Return a URL without what may be secret: user, path and query.

    Examples:
        >>> shown_url("https://hooks.example/services/T0/B0/XXXX?x=1")
        'https://hooks.example/…'
    """
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    host = host.rpartition("@")[2].partition("?")[0]
    return f"{scheme}://{host}" + ("/…" if slash and path else "")
