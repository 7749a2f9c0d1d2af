"""Syslog: RFC 5424 over TCP or TLS, octets counted (RFC 6587, RFC 5425)."""

import os
import socket
import ssl
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

from api.guard import Guard, GuardError
from api.push.events import Event, level_of_event
from api.push.kinds.base import Message, OneWay
from api.push.outcome import DELIVERED, Outcome, down
from api.push.shapes import as_text
from api.vocabulary import Level

SCHEMES: Final = ("tcp", "tls")
_WAIT_S: Final = 10.0
_FACILITY: Final = 16
"""local0"""
_SEVERITY: Final = {
    Level.CRITICAL: 2,
    Level.HIGH: 3,
    Level.MEDIUM: 4,
    Level.LOW: 5,
    Level.INFORMATIONAL: 6,
}


class Syslog(OneWay):
    """Sends each message over a connection of its own; it is delivered once the peer has closed too.

    Syslog has no answer. A peer that closes after it saw our end has read all before it; one that died
    with something unread resets the connection instead.
    """

    def __init__(self, guard: Guard, *, ca_file: str = "", wait_s: float = _WAIT_S) -> None:
        self._guard = guard
        self._ca_file = ca_file
        self._wait_s = wait_s

    def send(self, message: Message) -> Outcome:
        parts = urlsplit(message.secrets.address)
        host, port = parts.hostname or "", parts.port or 0
        frame = framed(line_of(message))
        try:
            address = self._guard.check(host, port)
            plain = socket.create_connection((address, port), timeout=self._wait_s)
            with closing(plain):
                if parts.scheme == "tls":
                    self._over_tls(plain, host, frame)
                else:
                    plain.sendall(frame)
                    plain.shutdown(socket.SHUT_WR)
                    _until_closed(plain)
        except GuardError as error:
            return down(str(error))
        except TimeoutError:
            return down("it did not take the message, or did not close, in time")
        except OSError as error:  # ssl.SSLError is one
            return down(f"no connection ({error.strerror or error})")
        return DELIVERED

    def _over_tls(self, plain: socket.socket, host: str, frame: bytes) -> None:
        context = ssl.create_default_context(cafile=self._ca_file or None)
        with context.wrap_socket(plain, server_hostname=host) as secured:
            secured.sendall(frame)
            # Says that we are done, and waits until the peer says so.
            secured.unwrap()


def _until_closed(peer: socket.socket) -> None:
    while peer.recv(4096):
        pass


def line_of(message: Message) -> bytes:
    """Return the message as RFC 5424 has it; its text is JSON in ASCII, or CEF in UTF-8 without a mark."""
    event = message.event
    return b" ".join(
        (
            f"<{priority(event)}>1".encode(),
            _time(event),
            _hostname(),
            b"nonself",
            str(os.getpid()).encode(),
            event["type"].encode()[:32],
            b"-",
            as_text(event, message.shape).encode("utf-8", "replace"),
        )
    )


def priority(event: Event) -> int:
    """Return facility and severity as one number.

    Examples:
        >>> priority({"type": "channel.test", "data": {}})
        134
    """
    return _FACILITY * 8 + _SEVERITY[level_of_event(event)]


def framed(line: bytes) -> bytes:
    r"""Return a message with the number of its octets before it.

    Examples:
        >>> framed(b"<134>1 - - - - - -")
        b'18 <134>1 - - - - - -'
    """
    return str(len(line)).encode() + b" " + line


def _time(event: Event) -> bytes:
    # RFC 5424 takes the form of RFC 3339 with at most 6 digits of a second.
    return str(event["timestamp"]).encode()


def _hostname() -> bytes:
    name = socket.gethostname().encode("ascii", "replace")[:255]
    return name or b"-"
