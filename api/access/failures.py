"""Slows down who guesses tokens: after some wrong ones an address has to wait, each time twice as long.

A token that an address used before is let in all the while, so that one who
guesses behind the same proxy keeps nobody else out. Kept in memory, and
bounded: a restart forgets it.
"""

import ipaddress
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

FREE: Final = 10
"""Wrong tokens of one address before it has to wait."""
LONGEST_MS: Final = 15 * 60_000
FORGOTTEN_MS: Final = 60 * 60_000
"""An address that was quiet for so long begins anew."""
_FIRST_MS: Final = 1000
_MOST: Final = 10_000
"""Addresses, and pairs of address and token, that are remembered; those seen longest ago go first."""


@dataclass(slots=True)
class _Record:
    wrong: int = 0
    last_ms: int = 0
    until_ms: int = 0


class Failures:
    """Wrong tokens by the address that they came from."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, address: str, key: bytes, now_ms: int) -> int:
        """Return for how many seconds a token of an address is not even looked at; 0 where it is.

        Args:
            address: Where the request came from.
            key: Digest of the token.
            now_ms: The present time, in Unix milliseconds.
        """
        place = _place(address)
        with self._lock:
            record = self._records.get(place)
            if record is None or (place, key) in self._known:
                return 0
            # A clock that was set back would hold the address up until it has caught up.
            if now_ms < record.last_ms:
                return 0
            return max(0, math.ceil((record.until_ms - now_ms) / 1000))

    def failed(self, address: str, now_ms: int) -> None:
        """Remember a wrong token."""
        place = _place(address)
        with self._lock:
            record = self._records.setdefault(place, _Record())
            self._records.move_to_end(place)
            if now_ms - record.last_ms > FORGOTTEN_MS:
                record.wrong = 0
            record.wrong += 1
            record.last_ms = now_ms
            if record.wrong >= FREE:
                pause_ms = min(LONGEST_MS, _FIRST_MS * 2 ** min(record.wrong - FREE, 20))
                record.until_ms = now_ms + pause_ms
            _shorten(self._records, self._most)

    def succeeded(self, address: str, key: bytes) -> None:
        """Remember that a token was good; the address is not cleared: guesses would hide behind it."""
        pair = (_place(address), key)
        with self._lock:
            self._known[pair] = None
            self._known.move_to_end(pair)
            _shorten(self._known, self._most)


def _shorten(kept: "OrderedDict[str, _Record] | OrderedDict[tuple[str, bytes], None]", most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)


def _place(address: str) -> str:
    """Return what counts as one address: of IPv6 the /64, which one subscriber has whole.

    Examples:
        >>> _place("192.0.2.7"), _place("2001:db8::1:2:3:4"), _place("testclient")
        ('192.0.2.7', '2001:db8::/64', 'testclient')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
