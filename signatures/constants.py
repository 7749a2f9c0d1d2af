"""Text of a condition to the constant that an event's value is compared with."""

import ipaddress
import re
from functools import lru_cache
from typing import Final, TypeAlias

from signatures.fields import FieldType

Address: TypeAlias = tuple[int, int]
"""IP version and number."""
Network: TypeAlias = tuple[int, int, int]
"""IP version, number of the network, mask."""
Constant: TypeAlias = str | int | float | bool | bytes | Address | Network

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_HEX: Final = re.compile(r"0[xX][0-9a-fA-F]+")
_NETWORK: Final = re.compile(r"[0-9a-fA-F.:]+/[0-9]{1,3}")
"""A mask is a number of bits, and must be there."""
_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 64) - 1
_MAX_DIGITS: Final = 64
_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}
_BITS: Final = {4: 32, 6: 128}


def to_constant(  # noqa: C901, PLR0911 - one case for each type
    text: str, kind: FieldType, operator: str
) -> Constant:
    """Return what a text means beside a field of a type.

    Raises:
        ValueError: The text is no value of that type; the message names what was expected.

    Examples:
        >>> to_constant("0x10", FieldType.SIGNED, "="), to_constant("4142", FieldType.BYTES, "bcontains")
        (16, b'AB')
    """
    match kind:
        case FieldType.TEXT | FieldType.ANY:
            if "\0" in text:
                msg = "a text field cannot hold the NUL byte that the value has"
                raise ValueError(msg)
            if kind is FieldType.ANY and _WHOLE.fullmatch(text):
                return _whole(text)
            return text
        case FieldType.SIGNED | FieldType.UNSIGNED:
            return _whole(text)
        case FieldType.REAL:
            return _real(text)
        case FieldType.FLAG:
            if text not in _FLAGS:
                msg = f"expected 'true' or 'false'; got '{text}'"
                raise ValueError(msg)
            return _FLAGS[text]
        case FieldType.ADDRESS:
            return _address_or_raise(text)
        case FieldType.NETWORK:
            return _network(text)
        case FieldType.BYTES:
            return _bytes(text, hexadecimal=operator in ("bcontains", "bstartswith"))


@lru_cache(maxsize=4096)
def to_address(text: str) -> Address | None:
    """Return an event's address as a number, None where the text is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return found.version, int(found)


def _whole(text: str) -> int:
    base = 10 if _WHOLE.fullmatch(text) else 16 if _HEX.fullmatch(text) else 0
    if base and len(text) <= _MAX_DIGITS:
        number = int(text, base)
        if _LEAST <= number <= _MOST:
            return number
    what = "a whole number" if not base else "a number of 64 bits"
    msg = f"expected {what}; got '{text[:_MAX_DIGITS]}'"
    raise ValueError(msg)


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        msg = f"expected a number; got '{text}'"
        raise ValueError(msg) from None


def _address_or_raise(text: str) -> Address:
    found = to_address(text)
    if found is None:
        msg = f"unrecognized IP address {text}"
        raise ValueError(msg)
    return found


def _network(text: str) -> Network:
    # `ipaddress` takes no leading zeros in IPv4 alone; host bits beyond the mask are ignored, as in the
    # reference.
    try:
        found = ipaddress.ip_network(text if _NETWORK.fullmatch(text) else "", strict=False)
    except ValueError:
        msg = f"unrecognized IP network {text}"
        raise ValueError(msg) from None
    return found.version, int(found.network_address), int(found.netmask)


def _bytes(text: str, *, hexadecimal: bool) -> bytes:
    if not hexadecimal:
        return text.encode("latin-1", "replace")
    if not re.fullmatch("([0-9a-fA-F]{2})+", text):
        msg = f"expected an even number of hexadecimal digits; got '{text}'"
        raise ValueError(msg)
    return bytes.fromhex(text)
