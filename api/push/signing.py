"""Signs messages as Standard Webhooks says (https://www.standardwebhooks.com), with symmetric keys. Pure."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
_BYTES: Final = 32
_LEAST, _MOST = 24, 64


def new_secret() -> str:
    """Return a fresh secret: 32 bytes by chance, in the form that libraries of Standard Webhooks take."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def new_message_id() -> str:
    """Return the id of a message: it stays the same over all attempts."""
    return f"msg_{secrets.token_hex(16)}"


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises:
        ValueError: It is not 24 to 64 bytes in base64, with or without the prefix `whsec_`.

    Examples:
        >>> len(key_of(new_secret()))
        32
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"expected {PREFIX} and 24 to 64 bytes in base64"
        raise ValueError(msg) from error
    if not _LEAST <= len(key) <= _MOST:
        msg = f"expected {PREFIX} and 24 to 64 bytes in base64; got {len(key)} bytes"
        raise ValueError(msg)
    return key


def headers(message_id: str, body: bytes, *, now_ms: int, signed_with: Iterable[str]) -> dict[str, str]:
    """Return the three headers of a message; a receiver accepts it if any one of the secrets is its own.

    Examples:
        >>> said = headers("msg_1", b"{}", now_ms=1_614_265_330_000, signed_with=["whsec_" + "QUJD" * 8])
        >>> said["webhook-timestamp"], said["webhook-signature"].partition(",")[0]
        ('1614265330', 'v1')
    """
    seconds = str(now_ms // 1000)
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    made = (hmac.new(key_of(each), signed, hashlib.sha256).digest() for each in signed_with)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in made),
    }
