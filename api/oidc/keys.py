"""The issuer's public keys: discovered, kept for a while, and fetched anew where one is unknown."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import jwt
import structlog
import urllib3

from api.errors import IssuerError
from api.oidc.settings import is_private

FRESH_S: Final = 600.0
"""How long keys are used without asking for them again: so long one that was withdrawn may be good."""
PAUSE_S: Final = 10.0
"""Least time between two fetches, or whoever makes up key ids would make us flood the issuer."""
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 1 << 20
_DISCOVERY: Final = "/.well-known/openid-configuration"
_ALGORITHMS: Final = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""By type of key, so that no token chooses how its key is used; a shared secret (`oct`) is no key here."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the algorithms that it is good for."""

    id: str | None
    value: Any
    algorithms: tuple[str, ...]


class Keys:
    """Keys of one issuer.

    Args:
        issuer: Its address.
        ca_file: Certificates to trust; empty: the system's.
        seconds: A clock that only goes forward.
    """

    def __init__(self, issuer: str, ca_file: str = "", seconds: Callable[[], float] = time.monotonic) -> None:
        self._issuer, self._seconds = issuer, seconds
        self._http = urllib3.PoolManager(
            num_pools=2, retries=False, timeout=_TIMEOUT_S, ca_certs=ca_file or None
        )
        self._lock = threading.Lock()
        self._keys: tuple[Key, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._trouble = ""

    def find(self, key_id: str | None) -> Key | None:
        """Return the key of an id; of none where the issuer has just one key.

        Raises:
            IssuerError: The issuer cannot be asked, and no such key is known from before.
        """
        with self._lock:
            now = self._seconds()
            stale = self._fetched_at is None or now - self._fetched_at >= FRESH_S
            found = _pick(self._keys, key_id)
            if (stale or found is None) and (self._tried_at is None or now - self._tried_at >= PAUSE_S):
                self._tried_at = now
                self._fetch(now)
                found = _pick(self._keys, key_id)
            if found is None and self._trouble:
                raise IssuerError(self._trouble)
            return found

    def trouble(self, *, ask: bool = False) -> str | None:
        """Return why the issuer gave no keys when it was last asked, or None.

        Args:
            ask: Whether to ask again where it gave none: nobody else does until somebody comes with a token.
        """
        if ask and self._trouble:
            with self._lock:
                now = self._seconds()
                if self._tried_at is None or now - self._tried_at >= PAUSE_S:
                    self._tried_at = now
                    self._fetch(now)
        return self._trouble or None

    def _fetch(self, now: float) -> None:
        try:
            self._keys = _read(self._get(self._discover()))
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            # Known keys stay good while the issuer does not answer: its outage is not to be ours.
            self._trouble = f"The issuer {self._issuer} gives no keys: {error}."
            _log.warning("issuer_keys_not_fetched", issuer=self._issuer, reason=str(error))
            return
        self._fetched_at, self._trouble = now, ""

    def _discover(self) -> str:
        """Return the address of the issuer's keys."""
        told = self._get(self._issuer.rstrip("/") + _DISCOVERY)
        if told.get("issuer") != self._issuer:
            msg = f"it calls itself {told.get('issuer')!r}"
            raise ValueError(msg)
        address = told.get("jwks_uri")
        if not isinstance(address, str) or not is_private(address):
            msg = f"its keys are at {address!r}, which anybody could change"
            raise ValueError(msg)
        return address

    def _get(self, url: str) -> dict[str, Any]:
        response = self._http.request("GET", url, redirect=False, preload_content=False)
        try:
            body = response.read(_MOST_BYTES + 1, decode_content=True)
        finally:
            response.release_conn()
        if response.status != 200 or len(body) > _MOST_BYTES:
            msg = f"{url} answers {response.status} with {len(body)} bytes"
            raise ValueError(msg)
        told = json.loads(body)
        if not isinstance(told, dict):
            msg = f"{url} is no JSON object"
            raise ValueError(msg)  # noqa: TRY004 - one kind of trouble for all that an issuer can say wrong
        return told


def _pick(keys: tuple[Key, ...], key_id: str | None) -> Key | None:
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((each for each in keys if each.id == key_id), None)


def _read(told: dict[str, Any]) -> tuple[Key, ...]:
    """Return the keys of a JWKS that signatures can be checked with; all else in it is passed over."""
    found = []
    entries = told.get("keys")
    for each in entries if isinstance(entries, list) else []:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        algorithms = _ALGORITHMS.get(str(each.get("kty")), ())
        if "alg" in each:
            algorithms = tuple(name for name in algorithms if name == each["alg"])
        if not algorithms:
            continue
        try:
            key = jwt.PyJWK(each, algorithm=algorithms[0])
        except jwt.PyJWTError:
            continue
        key_id = each.get("kid")
        found.append(Key(key_id if isinstance(key_id, str) else None, key.key, algorithms))
    return tuple(found)
