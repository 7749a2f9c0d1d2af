"""Strict readers of what came over the wire: each takes one field and names it where it does not fit.

Every format of `wire` is JSON, most of it gzip-compressed; all of them are
written and taken apart here, so that a limit holds for all.
"""

import json
import re
import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeVar

from wire.errors import FieldError, MalformedError, VersionError

MAX_PLAIN_BYTES: Final = 64 << 20
"""Largest body after decompression; a bomb stops here."""
MAX_TEXT: Final = 4096
MAX_INT: Final = 1 << 63
_GZIP_WBITS: Final = 31
_NOT_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""JSON can spell lone surrogates, which no database or terminal can encode."""

_Member = TypeVar("_Member", bound=StrEnum)


def dump(plain: Mapping[str, Any]) -> bytes:
    """Return JSON; the same object always gives the same bytes."""
    return json.dumps(plain, separators=(",", ":"), sort_keys=True).encode()


def load(plain: bytes) -> object:
    """Read JSON.

    Raises:
        MalformedError: It is none.
    """
    try:
        return json.loads(plain)
    except (ValueError, RecursionError) as error:
        msg = f"The body is not JSON: {error}."
        raise MalformedError(msg) from error


def squeeze(plain: bytes) -> bytes:
    """Return bytes gzip-compressed; the same bytes always give the same."""
    packer = zlib.compressobj(level=1, wbits=_GZIP_WBITS)
    return packer.compress(plain) + packer.flush()


def expand(body: bytes) -> bytes:
    """Return what `squeeze` was given.

    Raises:
        MalformedError: The body is not gzip, cut off or too large.
    """
    packer = zlib.decompressobj(wbits=_GZIP_WBITS)
    try:
        plain = packer.decompress(body, MAX_PLAIN_BYTES)
    except zlib.error as error:
        msg = f"The body is not gzip: {error}."
        raise MalformedError(msg) from error
    if packer.unconsumed_tail:
        msg = f"The body is larger than {MAX_PLAIN_BYTES} bytes after decompression."
        raise MalformedError(msg)
    if not packer.eof:
        msg = "The body ends before its gzip stream does; it was cut off on the way."
        raise MalformedError(msg)
    return plain


def pack(plain: Mapping[str, Any]) -> bytes:
    """Return JSON, gzip-compressed; the same object always gives the same bytes."""
    return squeeze(dump(plain))


def unpack(body: bytes) -> object:
    """Read gzip-compressed JSON.

    Raises:
        MalformedError: The body is not gzip of JSON, cut off or too large.
    """
    return load(expand(body))


def check_version(plain: Mapping[str, Any], known: int) -> None:
    """Raise where a schema version is not the one known.

    Raises:
        VersionError: It is another.
    """
    version = plain.get("schema_version")
    if version != known:
        msg = f"This release reads schema version {known}; the sender used {version!r}."
        raise VersionError(msg)


def to_object(value: object, name: str) -> Mapping[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        fail(name, "an object", kind_of(value))
    return value


def take_list(plain: Mapping[str, Any], name: str, most: int | None = None) -> list[Any]:
    """Return a list of at most so many entries."""
    value = plain.get(name)
    if not isinstance(value, list):
        fail(name, "a list", kind_of(value))
    if most is not None and len(value) > most:
        fail(name, f"at most {most} entries", str(len(value)))
    return value


def take_text(plain: Mapping[str, Any], name: str, most: int = MAX_TEXT) -> str:
    """Return text of at most so many characters."""
    return to_text(plain.get(name), name, most)


def to_text(value: object, name: str, most: int = MAX_TEXT) -> str:
    """Return text of at most so many characters."""
    if not isinstance(value, str) or len(value) > most or not _is_text(value):
        fail(name, f"text of at most {most} characters without NUL or lone surrogates", kind_of(value))
    return value


def _is_text(value: str) -> bool:
    # Almost all text is ASCII, of which a look is cheaper than a search.
    return "\0" not in value if value.isascii() else not _NOT_TEXT.search(value)


def take_name(plain: Mapping[str, Any], name: str) -> str:
    """Return text that is not empty."""
    value = take_text(plain, name)
    if not value:
        fail(name, "text that is not empty", "")
    return value


def take_int(plain: Mapping[str, Any], name: str) -> int:
    """Return a whole number from 0 to 2**63 - 1."""
    return to_int(plain.get(name), name)


def to_int(value: object, name: str) -> int:
    """Return a whole number from 0 to 2**63 - 1."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_INT:
        fail(name, "a whole number from 0 to 2**63 - 1", kind_of(value))
    return value


def take_float(plain: Mapping[str, Any], name: str) -> float:
    """Return a number of at least 0."""
    value = plain.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < MAX_INT:
        fail(name, "a number of at least 0", kind_of(value))
    return float(value)


def take_bool(plain: Mapping[str, Any], name: str) -> bool:
    """Return true or false."""
    value = plain.get(name)
    if not isinstance(value, bool):
        fail(name, "true or false", kind_of(value))
    return value


def to_member(kind: type[_Member], value: object, name: str) -> _Member:
    """Return the member of an enumeration."""
    try:
        return kind(str(value))
    except ValueError:
        fail(name, "one of " + ", ".join(kind), repr(value)[:80])


def kind_of(value: object) -> str:
    """Return what a message says of a value that is not as it should be."""
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"[:80]


def fail(name: str, expected: str, came: str) -> NoReturn:
    """Raise what every reader raises.

    Raises:
        FieldError: Always.
    """
    msg = f"{name}: expected {expected}; got {came or 'empty text'}."
    raise FieldError(msg)
