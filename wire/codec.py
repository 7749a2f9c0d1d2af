"""Bytes of a batch and of a single delta: JSON, with the two integer arrays as base64 of little-endian words.

`docs/wire.md` describes the format for readers without this code, and
`tests/golden/wire/` holds bytes of every schema version ever shipped.
"""

import base64
import binascii
import hashlib
import hmac
import itertools
import json
import re
import sys
import zlib
from array import array
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final, NoReturn, TypeVar

from wire.errors import FieldError, MalformedError, VersionError
from wire.ngram import INJECTED
from wire.profile import (
    SCHEMA_VERSION,
    AgentStatus,
    Batch,
    ContainerKind,
    ContainerRef,
    LossCause,
    Mark,
    ProfileDelta,
)

CONTENT_TYPE: Final = "application/vnd.nonself.profiles+json"
SIGNATURE_HEADER: Final = "X-Nonself-Signature"
MAX_BODY_BYTES: Final = 8 << 20
"""Largest compressed body a service takes."""
MAX_PLAIN_BYTES: Final = 64 << 20
"""Largest body after decompression; a bomb stops here."""
_MAX_TEXT: Final = 4096
_MAX_INT: Final = 1 << 63
_GZIP_WBITS: Final = 31
_NOT_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""JSON can spell lone surrogates, which no database or terminal can encode."""

_Member = TypeVar("_Member", LossCause, Mark, ContainerKind)


def encode_batch(batch: Batch) -> bytes:
    """Return the gzip-compressed body of a batch; the same batch always gives the same bytes.

    Examples:
        >>> batch = Batch(node="a", boot_id="b", sent_at=1, agent=AgentStatus(version="0", window_s=10))
        >>> decode_batch(encode_batch(batch)) == batch
        True
    """
    packer = zlib.compressobj(level=1, wbits=_GZIP_WBITS)
    return packer.compress(dump_batch(batch)) + packer.flush()


def dump_batch(batch: Batch) -> bytes:
    """Return a batch as one line of JSON, which is what `encode_batch` compresses."""
    return _dump(
        {
            "schema_version": SCHEMA_VERSION,
            "node": batch.node,
            "boot_id": batch.boot_id,
            "sent_at": batch.sent_at,
            "agent": asdict(batch.agent),
            "deltas": [_delta_to_plain(delta, with_node=False) for delta in batch.deltas],
        }
    )


def decode_batch(body: bytes) -> Batch:
    """Read a batch back, trusting nothing of it.

    Raises:
        VersionError: The schema version is not one this release reads.
        FieldError: A field is not what the format says; the message names it.
        MalformedError: The body is not gzip of JSON, cut off or too large.
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
    return load_batch(plain)


def load_batch(plain: bytes) -> Batch:
    """Read back what `dump_batch` wrote, trusting nothing of it.

    Raises:
        VersionError: The schema version is not one this release reads.
        FieldError: A field is not what the format says; the message names it.
        MalformedError: It is not JSON.
    """
    fields_ = _object(_load(plain), "batch")
    _check_version(fields_)
    node, boot_id = _text(fields_, "node"), _text(fields_, "boot_id")
    if not node or not boot_id:
        _fail("node and boot_id", "text that is not empty", "")
    return Batch(
        node=node,
        boot_id=boot_id,
        sent_at=_int(fields_, "sent_at"),
        agent=_agent_status(_object(fields_.get("agent"), "agent")),
        deltas=tuple(
            _delta_from_plain(_object(item, f"deltas[{index}]"), node=node, boot_id=boot_id)
            for index, item in enumerate(_list(fields_, "deltas"))
        ),
    )


def encode_delta(delta: ProfileDelta) -> bytes:
    """Return one delta as JSON that stands alone: it carries its version, node and boot."""
    return _dump({"schema_version": SCHEMA_VERSION, **_delta_to_plain(delta, with_node=True)})


def decode_delta(plain: bytes) -> ProfileDelta:
    """Read back what `encode_delta` wrote.

    Raises:
        VersionError: The schema version is not one this release reads.
        MalformedError: Anything else that does not fit.
    """
    fields_ = _object(_load(plain), "delta")
    _check_version(fields_)
    return _delta_from_plain(fields_, node=_text(fields_, "node"), boot_id=_text(fields_, "boot_id"))


def signing_key(token: str) -> bytes:
    """Return what both sides can derive of a token: the service stores this hash, never the token."""
    return hashlib.sha256(token.encode()).digest()


def sign(body: bytes, key: bytes) -> str:
    """Return the value of the `X-Nonself-Signature` header: HMAC-SHA256 (RFC 2104) over the compressed body.

    Examples:
        >>> key = signing_key("secret")
        >>> verify(b"body", sign(b"body", key), key), verify(b"bodY", sign(b"body", key), key)
        (True, False)
    """
    return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def verify(body: bytes, signature: str, key: bytes) -> bool:
    """Tell whether a signature belongs to a body, in constant time."""
    return hmac.compare_digest(sign(body, key).encode(), signature.encode())


def _delta_to_plain(delta: ProfileDelta, *, with_node: bool) -> dict[str, Any]:
    origin = {"node": delta.node, "boot_id": delta.boot_id} if with_node else {}
    return origin | {
        "container": asdict(delta.container),
        "start": delta.start,
        "end": delta.end,
        "arch": delta.arch,
        "ngrams": _words(delta.ngrams),
        "counts": _words(delta.counts),
        "lost": {cause.value: delta.lost[cause] for cause in LossCause if delta.lost.get(cause)},
        "marks": sorted(mark.value for mark in delta.marks),
    }


def _delta_from_plain(plain: Mapping[str, Any], *, node: str, boot_id: str) -> ProfileDelta:
    ngrams, counts = _unwords(plain, "ngrams"), _unwords(plain, "counts")
    if len(ngrams) != len(counts):
        _fail("counts", f"{len(ngrams)} values, one for each n-gram", f"{len(counts)}")
    if any(second <= first for first, second in itertools.pairwise(ngrams)):
        _fail("ngrams", "distinct values in ascending order", "a value out of order")
    if ngrams and ngrams[-1] >= INJECTED << 1:
        _fail("ngrams", "values below 2**61", str(ngrams[-1]))
    if 0 in counts or sum(counts) >= _MAX_INT:
        _fail("counts", "values of at least 1 that add up to less than 2**63", "others")
    start, end = _int(plain, "start"), _int(plain, "end")
    if end <= start:
        _fail("end", f"a time after start ({start})", str(end))
    lost = _object(plain.get("lost"), "lost")
    return ProfileDelta(
        node=node,
        boot_id=boot_id,
        container=_container(_object(plain.get("container"), "container")),
        start=start,
        end=end,
        arch=_text(plain, "arch"),
        ngrams=ngrams,
        counts=counts,
        lost={_member(LossCause, cause, "lost"): _int(lost, cause) for cause in lost},
        marks=frozenset(_member(Mark, mark, "marks") for mark in _list(plain, "marks")),
    )


def _container(plain: Mapping[str, Any]) -> ContainerRef:
    labels = _object(plain.get("labels"), "container.labels")
    if not _text(plain, "id"):
        _fail("container.id", "text that is not empty", "")
    return ContainerRef(
        **{name: _text(plain, name) for name in _CONTAINER_TEXTS},
        kind=_member(ContainerKind, plain.get("kind"), "container.kind"),
        labels={_plain_text(key, "container.labels"): _text(labels, key) for key in labels},
        seen_from_start=_bool(plain, "seen_from_start"),
    )


_CONTAINER_TEXTS: Final = tuple(field.name for field in fields(ContainerRef) if field.type is str)


def _agent_status(plain: Mapping[str, Any]) -> AgentStatus:
    # Fields this release does not know are left out: an agent one release ahead may count more.
    known: dict[str, Any] = {
        name: read(plain, name)
        for name, read in _AGENT_FIELDS.items()
        if name in plain or name in _AGENT_REQUIRED
    }
    return AgentStatus(**known)


def _check_version(plain: Mapping[str, Any]) -> None:
    version = plain.get("schema_version")
    if version != SCHEMA_VERSION:
        msg = f"This release reads schema version {SCHEMA_VERSION}; the sender used {version!r}."
        raise VersionError(msg)


def _words(values: tuple[int, ...]) -> str:
    packed = array("Q", values)
    if sys.byteorder == "big":  # pragma: no cover - no big-endian machine has a syscall table here
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()


def _unwords(plain: Mapping[str, Any], name: str) -> tuple[int, ...]:
    value = plain.get(name)
    if not isinstance(value, str):
        _fail(name, "base64 text", _kind(value))
    packed = array("Q")
    try:
        packed.frombytes(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        _fail(name, "base64 of whole 8-byte words", f"{len(value)} characters that are not")
    if sys.byteorder == "big":  # pragma: no cover - as above
        packed.byteswap()
    return tuple(packed)


def _dump(plain: Mapping[str, Any]) -> bytes:
    return json.dumps(plain, separators=(",", ":"), sort_keys=True).encode()


def _load(plain: bytes) -> object:
    try:
        return json.loads(plain)
    except (ValueError, RecursionError) as error:
        msg = f"The body is not JSON: {error}."
        raise MalformedError(msg) from error


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _fail(name, "an object", _kind(value))
    return value


def _list(plain: Mapping[str, Any], name: str) -> list[Any]:
    value = plain.get(name)
    if not isinstance(value, list):
        _fail(name, "a list", _kind(value))
    return value


def _text(plain: Mapping[str, Any], name: str) -> str:
    return _plain_text(plain.get(name), name)


def _plain_text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or _NOT_TEXT.search(value):
        _fail(name, f"text of at most {_MAX_TEXT} characters without NUL or lone surrogates", _kind(value))
    return value


def _int(plain: Mapping[str, Any], name: str) -> int:
    value = plain.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_INT:
        _fail(name, "a whole number from 0 to 2**63 - 1", _kind(value))
    return value


def _float(plain: Mapping[str, Any], name: str) -> float:
    value = plain.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _MAX_INT:
        _fail(name, "a number of at least 0", _kind(value))
    return float(value)


def _bool(plain: Mapping[str, Any], name: str) -> bool:
    value = plain.get(name)
    if not isinstance(value, bool):
        _fail(name, "true or false", _kind(value))
    return value


def _member(kind: type[_Member], value: object, name: str) -> _Member:
    try:
        return kind(str(value))
    except ValueError:
        _fail(name, "one of " + ", ".join(kind), repr(value)[:80])


def _kind(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"[:80]


def _fail(name: str, expected: str, came: str) -> NoReturn:
    msg = f"{name}: expected {expected}; got {came or 'empty text'}."
    raise FieldError(msg)


_AGENT_FIELDS: Final[Mapping[str, Callable[[Mapping[str, Any], str], object]]] = {
    each.name: {str: _text, int: _int, float: _float}[each.type]  # type: ignore[index]
    for each in fields(AgentStatus)
}
_AGENT_REQUIRED: Final = {"version", "window_s"}
