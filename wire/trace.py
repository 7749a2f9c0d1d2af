"""The trace that a batch belongs to: W3C Trace Context, from the batch itself.

A batch has the same trace at every attempt, also after a restart of its sender: its ids are taken from the
SHA-256 of its bytes, so that nothing has to be kept beside it.
"""

import hashlib
import re
from typing import Final

TRACEPARENT: Final = "traceparent"
_FORM: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
"""Later versions may add to its end."""
_HALF: Final = 1 << 64


def traceparent_of(body: bytes, ratio: float = 0.0) -> str:
    """Return the header of a batch.

    Args:
        body: As it is sent.
        ratio: Share of batches, 0 to 1, that are marked as sampled: the service keeps spans of them.

    Examples:
        >>> traceparent_of(b"batch")
        '00-4bb24efc9641afc5ded1ca77eabb6e2f-cf062d2112ccd61b-00'
    """
    digest = hashlib.sha256(body).digest()
    # As OpenTelemetry's samplers decide, so that all of one ratio agree on a trace.
    sampled = int.from_bytes(digest[8:16], "big") < round(ratio * _HALF)
    return f"00-{digest[:16].hex()}-{digest[16:24].hex()}-{sampled:02x}"


def trace_id_of(traceparent: str) -> str | None:
    """Return the id of the trace that a header names; None where it names none.

    Examples:
        >>> trace_id_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        '4bf92f3577b34da6a3ce929d0e0e4736'
        >>> trace_id_of("00-00000000000000000000000000000000-00f067aa0ba902b7-01") is None
        True
    """
    found = _FORM.fullmatch(traceparent)
    return found[1] if found else None
