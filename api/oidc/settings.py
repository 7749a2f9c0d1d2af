"""What the service's settings say of the issuer, read into what the check of a token needs."""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from api.errors import SettingError
from api.settings import ServiceSettings
from api.tokens.grant import Role

_RANKS: Final = (Role.READ, Role.TRIAGE, Role.ADMIN)
"""Roles that a foreign token can give, from the one that may least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The one issuer that is believed, and what its claims mean here.

    Attributes:
        issuer: Its address, as its tokens name it.
        audience: Whom its tokens must be for.
        role_claim: Claim that lists roles or groups; dots lead into objects.
        roles: Role of nonself by the words of that claim.
        name_claim: Claim that names the person or program.
        namespace_claim: Claim that lists namespaces that may be seen, `*` all; empty: nobody is limited.
        ca_file: Certificates to trust; empty: the system's.
    """

    issuer: str
    audience: str
    role_claim: str
    roles: dict[str, Role]
    name_claim: str
    namespace_claim: str
    ca_file: str

    def role_of(self, words: list[str]) -> Role | None:
        """Return the role of which most may be done among those of some words."""
        found = {self.roles[each] for each in words if each in self.roles}
        return max(found, key=_RANKS.index, default=None)


def read(settings: ServiceSettings) -> Trusted | None:
    """Return whom the settings trust; None where there is nobody.

    Raises:
        SettingError: A setting cannot mean anything.
    """
    if not settings.oidc_issuer:
        return None
    if not is_private(settings.oidc_issuer):
        raise SettingError("oidc_issuer", "an https:// address", settings.oidc_issuer)
    if not settings.oidc_audience:
        raise SettingError("oidc_audience", "whom tokens of the issuer are for", settings.oidc_audience)
    return Trusted(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        role_claim=settings.oidc_role_claim,
        roles=_roles(settings.oidc_roles),
        name_claim=settings.oidc_name_claim,
        namespace_claim=settings.oidc_namespace_claim,
        ca_file=settings.oidc_ca_file,
    )


def is_private(url: str) -> bool:
    """Tell whether nobody on the way can change what comes from an address: TLS, or this host.

    Examples:
        >>> is_private("https://id.example/realm"), is_private("http://127.0.0.1:8080")
        (True, True)
        >>> is_private("http://id.example"), is_private("file:///etc/passwd")
        (False, False)
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        return False
    if parts.scheme == "https":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _roles(text: str) -> dict[str, Role]:
    found: dict[str, Role] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        word, equals, role = part.rpartition("=")
        if not equals or not word or role not in {each.value for each in _RANKS}:
            raise SettingError("oidc_roles", "WORD=ROLE of roles read, triage and admin, with commas", part)
        found[word] = Role(role)
    if not found:
        raise SettingError("oidc_roles", "at least one WORD=ROLE, or nobody could do anything", text)
    return found
