"""How the service is reached: plain HTTP on this host alone, TLS anywhere else."""

import ipaddress
import socket
import ssl

from api.errors import StartError
from api.settings import ServiceSettings


def check(settings: ServiceSettings) -> None:
    """Refuse to show tokens to a network, and certificates that cannot be used.

    Raises:
        StartError: The address is not loopback and the service would speak plain HTTP without having been
            told to; or a certificate, its key or the issuers of clients cannot be read.
    """
    if settings.tls_cert:
        context(settings)
    elif not settings.allow_plain_http and not is_loopback(settings.host):
        msg = (
            f"The service would speak plain HTTP on {settings.host}, where whoever reads a request has its "
            "token. Give --tls-cert and --tls-key, or --allow-plain-http where a TLS proxy stands before it."
        )
        raise StartError(msg)


def context(settings: ServiceSettings) -> ssl.SSLContext:
    """Return the TLS side of the service: TLS 1.2 or later, and clients' certificates where asked for.

    Raises:
        StartError: A file cannot be used.
    """
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_cert_chain(settings.tls_cert, settings.tls_key or None, password=_no_password)
    except (OSError, ValueError) as error:
        msg = (
            f"The certificate {settings.tls_cert} with the key {settings.tls_key or 'in the same file'} "
            f"cannot be used: {_why(error)}."
        )
        raise StartError(msg) from error
    if settings.tls_client_ca:
        try:
            made.load_verify_locations(settings.tls_client_ca)
        except OSError as error:
            msg = f"The issuers {settings.tls_client_ca} cannot be used: {_why(error)}."
            raise StartError(msg) from error
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def is_loopback(host: str) -> bool:
    """Tell whether only this host reaches an address; a name is asked for, and none of it may be elsewhere.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("")
        (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[4][0]).is_loopback for address in found)


def _no_password() -> str:
    # Without this, OpenSSL asks at the terminal, and a service without one hangs.
    msg = "the key has a password; give one without"
    raise ValueError(msg)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"it is not what it should be ({error.reason or 'no PEM'})"
    return getattr(error, "strerror", None) or str(error)
