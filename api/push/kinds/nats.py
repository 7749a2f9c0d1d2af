"""NATS JetStream, where the optional client is installed: a stream stores a message before it counts."""

import asyncio
import json
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from api.guard import Guard, GuardError
from api.push.kinds.base import Message, OneWay, check_url
from api.push.outcome import DELIVERED, Outcome, down
from api.push.shapes import shaped

SCHEMES: Final = ("nats", "tls")
_WAIT_S: Final = 5.0


class Nats(OneWay):
    """Publishes to one subject, whose stream drops a message that it has already (by `Nats-Msg-Id`)."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def send(self, message: Message) -> Outcome:
        host, port, subject = read(message.secrets.address)
        try:
            self._guard.check(host, port)
            return asyncio.run(asyncio.wait_for(_publish(message, subject), 3 * _WAIT_S))
        except GuardError as error:
            return down(str(error))
        except ImportError:
            return down("the client of NATS is not installed; pip install 'nonself[nats]'")
        except TimeoutError:
            return down("it did not answer in time")


async def _publish(message: Message, subject: str) -> Outcome:
    import nats  # noqa: PLC0415 - optional
    from nats import errors  # noqa: PLC0415

    async def silent(_error: Exception) -> None:
        """The attempt itself tells of its failure."""

    server = message.secrets.address.rpartition("/")[0]
    try:
        connection = await nats.connect(
            server,
            name="nonself",
            token=message.secrets.token or None,
            allow_reconnect=False,
            connect_timeout=_WAIT_S,
            error_cb=silent,
        )
    except (errors.Error, OSError) as error:
        return down(f"no connection ({str(error) or type(error).__name__})")
    try:
        body = json.dumps(shaped(message.event, message.shape), separators=(",", ":")).encode()
        stream = connection.jetstream(timeout=_WAIT_S)
        headers = {"Nats-Msg-Id": message.id, "Content-Type": "application/json"}
        await stream.publish(subject, body, headers=headers)
    except errors.Error as error:
        return down(f"no stream stored it ({str(error) or type(error).__name__})")
    finally:
        with suppress(errors.Error, OSError):
            await connection.close()
    return DELIVERED


def read(address: str) -> tuple[str, int, str]:
    """Return host, port and subject of an address.

    Raises:
        ValueError: It is none; the message says what was expected.

    Examples:
        >>> read("nats://broker:4222/nonself.alerts")
        ('broker', 4222, 'nonself.alerts')
    """
    try:
        check_url(address, SCHEMES)
    except ValueError as error:
        msg = "expected nats:// or tls:// with a host, and a subject as its path"
        raise ValueError(msg) from error
    parts = urlsplit(address)
    subject = parts.path.removeprefix("/")
    if not subject or "/" in subject or "*" in subject or ">" in subject:
        msg = "expected nats:// or tls:// with a host, and a subject as its path"
        raise ValueError(msg)
    return parts.hostname or "", parts.port or 4222, subject
