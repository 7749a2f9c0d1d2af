"""Keeps channels from what only this host or its network should reach (SSRF): judges resolved names."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""NAT64: the last 32 bits are an address of IPv4."""


class GuardError(Exception):
    """An address must not be reached, or a name has none; the message says what would allow it."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    Raises:
        GuardError: It has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        msg = f"{host} has no address: {getattr(error, 'strerror', None) or error}"
        raise GuardError(msg) from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Says which address a connection may go to.

    Args:
        allowed: Networks that may be reached although they are not public.
        names: Hosts that may be reached whatever their address is.
        resolver: Returns the addresses of a host.
    """

    allowed: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    resolver: Resolve = resolve

    @classmethod
    def of(cls, text: str) -> "Guard":
        """Read the setting `push_allow`.

        Raises:
            ValueError: A part is neither a network nor a name.

        Examples:
            >>> Guard.of("10.0.0.0/8, alertmanager.monitoring.svc").names
            frozenset({'alertmanager.monitoring.svc'})
        """
        networks, names = [], set()
        for each in filter(None, map(str.strip, text.split(","))):
            try:
                networks.append(ip_network(each))
            except ValueError as error:
                plain = each.lower().rstrip(".")
                # What has only digits, or a slash, was meant as a network.
                if "/" in each or not plain.rpartition(".")[2][:1].isalpha():
                    msg = f"networks or names of hosts, with commas between several ({error})"
                    raise ValueError(msg) from error
                names.add(plain)
        return cls(tuple(networks), frozenset(names))

    def check(self, host: str, port: int) -> str:
        """Return the address to connect to: the first of the host's, none of which is forbidden.

        Raises:
            GuardError: The host has no address, or one that must not be reached.
        """
        found = self.resolver(host, port)
        if host.lower().rstrip(".") not in self.names:
            for each in found:
                self._judge(host, each)
        if not found:
            msg = f"{host} has no address"
            raise GuardError(msg)
        return found[0]

    def _judge(self, host: str, text: str) -> None:
        address = _embedded(ip_address(text.partition("%")[0]))
        if any(address in network for network in self.allowed if network.version == address.version):
            return
        if not _public(address):
            named = text if host == text else f"{host} is {text}, which"
            msg = f"{named} is not a public address; the setting push_allow can allow it"
            raise GuardError(msg)


def _embedded(address: Address) -> Address:
    """Return the address of IPv4 that is reached through one of IPv6.

    Examples:
        >>> str(_embedded(ip_address("::ffff:10.0.0.1"))), str(_embedded(ip_address("64:ff9b::7f00:1")))
        ('10.0.0.1', '127.0.0.1')
    """
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not (isinstance(address, IPv6Address) and address.teredo is not None)
    )
