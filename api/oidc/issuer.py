"""Checks a token of the trusted issuer, and says who bears it and what he may do here."""

from typing import Any, Final

import jwt

from api.db.scope import EVERYTHING, Scope
from api.errors import ForbiddenError, UnauthenticatedError
from api.oidc.keys import Keys
from api.oidc.settings import Trusted
from api.tokens.service import Principal
from wire.codec import signing_key

PREFIX: Final = "oidc:"
"""Begins the names of those who come from elsewhere: none of our tokens is called so."""
_LEEWAY_S: Final = 60
_END_OF_TIME_S: Final = 1 << 53
_LONGEST_NAME: Final = 200
_LONGEST_TOKEN: Final = 16 << 10
_EVERY: Final = "*"
# What the library does not expect of a token comes through it as Python's own errors.
_UNREADABLE: Final = (jwt.PyJWTError, TypeError, ValueError, RecursionError)


class ForgedError(Exception):
    """A token that the issuer did not make, or not for us; counted as a guess."""


class Issuer:
    """The one issuer that is believed beside ourselves."""

    def __init__(self, trusted: Trusted, keys: Keys | None = None) -> None:
        self._trusted = trusted
        self._keys = keys or Keys(trusted.issuer, trusted.ca_file)

    def identify(self, token: str, now_ms: int) -> Principal:
        """Return who bears a token.

        Args:
            token: As it came.
            now_ms: The present time, in Unix milliseconds.

        Raises:
            ForgedError: It is not of this issuer, not for us, or was changed; the message says which.
            UnauthenticatedError: It is genuine and out of date.
            ForbiddenError: It is good, and gives no role, or no namespace where one is needed.
            IssuerError: The issuer's keys cannot be had.
        """
        claims = self._verify(token)
        _check_times(claims, now_ms // 1000)
        name = self._name(claims)
        role = self._trusted.role_of(_words(_at(claims, self._trusted.role_claim)))
        if role is None:
            claim = self._trusted.role_claim
            msg = f"{name!r} has none of the roles that --oidc-roles names (claim {claim!r})."
            raise ForbiddenError(msg)
        return Principal(
            name=name,
            role=role,
            key=signing_key(token),
            scope=self._scope(name, claims),
            expires_at=int((claims["exp"] + _LEEWAY_S) * 1000),
        )

    def trouble(self, *, ask: bool = False) -> str | None:
        """Return why the issuer gives no keys, or None; `ask` has it asked again where it gave none."""
        return self._keys.trouble(ask=ask)

    def _verify(self, token: str) -> dict[str, Any]:
        if len(token) > _LONGEST_TOKEN:
            msg = "it is too long"
            raise ForgedError(msg)
        try:
            header = jwt.get_unverified_header(token)
        except _UNREADABLE as error:
            msg = "it cannot be read"
            raise ForgedError(msg) from error
        if "crit" in header:
            msg = "it asks for extensions that nobody knows here"
            raise ForgedError(msg)
        key = self._keys.find(header.get("kid"))
        if key is None:
            msg = "its key is none of the issuer's"
            raise ForgedError(msg)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.value,
                algorithms=list(key.algorithms),
                audience=self._trusted.audience,
                issuer=self._trusted.issuer,
                # Times are compared with the service's clock, below.
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except _UNREADABLE as error:
            raise ForgedError(_lower(str(error)) or "it cannot be verified") from error
        return claims

    def _name(self, claims: dict[str, Any]) -> str:
        value = _at(claims, self._trusted.name_claim) or claims.get("sub")
        if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _LONGEST_NAME:
            msg = f"Expected a name in the claim {self._trusted.name_claim!r} or 'sub' of the token."
            raise ForbiddenError(msg)
        return PREFIX + value

    def _scope(self, name: str, claims: dict[str, Any]) -> Scope:
        if not self._trusted.namespace_claim:
            return EVERYTHING
        namespaces = _words(_at(claims, self._trusted.namespace_claim))
        if _EVERY in namespaces:
            return EVERYTHING
        if not namespaces:
            msg = f"{name!r} may see no namespace (claim {self._trusted.namespace_claim!r})."
            raise ForbiddenError(msg)
        return Scope(namespaces=frozenset(namespaces))


def looks_foreign(secret: str) -> bool:
    """Tell whether a bearer's secret has the form of a JWT; none of our tokens has dots.

    Examples:
        >>> looks_foreign("eyJh.eyJz.c2ln"), looks_foreign("nonself_read_abc")
        (True, False)
    """
    return secret.count(".") == 2


def _check_times(claims: dict[str, Any], now_s: int) -> None:
    expires, begins = claims["exp"], claims.get("nbf", now_s)
    if not _is_time(expires) or not _is_time(begins):
        msg = "its times are no numbers"
        raise ForgedError(msg)
    if now_s >= expires + _LEEWAY_S:
        msg = "The token of the issuer has expired."
        raise UnauthenticatedError(msg)
    if now_s < begins - _LEEWAY_S:
        msg = "The token of the issuer is not good yet; compare the clocks."
        raise UnauthenticatedError(msg)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _END_OF_TIME_S


def _at(claims: dict[str, Any], path: str) -> object:
    """Return a claim; one whose name has dots is taken as it stands before dots lead into objects.

    Examples:
        >>> _at({"realm_access": {"roles": ["soc"]}}, "realm_access.roles")
        ['soc']
        >>> _at({"https://nonself.example/roles": "soc"}, "https://nonself.example/roles")
        'soc'
    """
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _words(value: object) -> list[str]:
    """Return the words of a claim: a list, or a text with spaces or commas as OAuth's `scope` has.

    Examples:
        >>> _words(["soc", 7]), _words("openid soc"), _words(None)
        (['soc'], ['openid', 'soc'], [])
    """
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
