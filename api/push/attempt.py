"""One attempt to deliver, which always has an outcome."""

import structlog

from api.push.kinds.base import Message, Transport
from api.push.outcome import Outcome, down

_log = structlog.get_logger()


def attempt(transport: Transport, message: Message, *, channel: str) -> Outcome:
    """Send a message once; what a client's library raises unforeseen is a receiver that is down.

    Args:
        transport: To the receiver.
        message: What is sent.
        channel: Its name, for the log.
    """
    try:
        return transport.send(message)
    except Exception as error:  # noqa: BLE001 - clients of others raise what they like
        # Not its words: they may hold the address.
        name = type(error).__name__
        _log.error("channel_attempt_failed", channel=channel, error=name)
        return down(f"its client failed ({name})")
