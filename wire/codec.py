"""Bytes of a batch and of a single delta: JSON, with the two integer arrays as base64 of little-endian words.

`docs/wire.md` describes the format for readers without this code, and
`tests/golden/wire/` holds bytes of every schema version ever shipped.
"""

import base64
import binascii
import hashlib
import hmac
import itertools
import sys
from array import array
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from wire.fields import (
    MAX_INT,
    check_version,
    dump,
    expand,
    fail,
    kind_of,
    load,
    squeeze,
    take_bool,
    take_float,
    take_int,
    take_list,
    take_text,
    to_member,
    to_object,
    to_text,
)
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


def encode_batch(batch: Batch) -> bytes:
    """Return the gzip-compressed body of a batch; the same batch always gives the same bytes.

    Examples:
        >>> batch = Batch(node="a", boot_id="b", sent_at=1, agent=AgentStatus(version="0", window_s=10))
        >>> decode_batch(encode_batch(batch)) == batch
        True
    """
    return squeeze(dump_batch(batch))


def dump_batch(batch: Batch) -> bytes:
    """Return a batch as one line of JSON, which is what `encode_batch` compresses."""
    return dump(
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
    return load_batch(expand(body))


def load_batch(plain: bytes) -> Batch:
    """Read back what `dump_batch` wrote, trusting nothing of it.

    Raises:
        VersionError: The schema version is not one this release reads.
        FieldError: A field is not what the format says; the message names it.
        MalformedError: It is not JSON.
    """
    fields_ = to_object(load(plain), "batch")
    check_version(fields_, SCHEMA_VERSION)
    node, boot_id = take_text(fields_, "node"), take_text(fields_, "boot_id")
    if not node or not boot_id:
        fail("node and boot_id", "text that is not empty", "")
    return Batch(
        node=node,
        boot_id=boot_id,
        sent_at=take_int(fields_, "sent_at"),
        agent=_agent_status(to_object(fields_.get("agent"), "agent")),
        deltas=tuple(
            _delta_from_plain(to_object(item, f"deltas[{index}]"), node=node, boot_id=boot_id)
            for index, item in enumerate(take_list(fields_, "deltas"))
        ),
    )


def encode_delta(delta: ProfileDelta) -> bytes:
    """Return one delta as JSON that stands alone: it carries its version, node and boot."""
    return dump({"schema_version": SCHEMA_VERSION, **_delta_to_plain(delta, with_node=True)})


def decode_delta(plain: bytes) -> ProfileDelta:
    """Read back what `encode_delta` wrote.

    Raises:
        VersionError: The schema version is not one this release reads.
        MalformedError: Anything else that does not fit.
    """
    fields_ = to_object(load(plain), "delta")
    check_version(fields_, SCHEMA_VERSION)
    return _delta_from_plain(fields_, node=take_text(fields_, "node"), boot_id=take_text(fields_, "boot_id"))


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
    return (
        origin
        | {
            "container": from_container(delta.container),
            "start": delta.start,
            "end": delta.end,
            "arch": delta.arch,
            "ngrams": _words(delta.ngrams),
            "counts": _words(delta.counts),
            "lost": {cause.value: delta.lost[cause] for cause in LossCause if delta.lost.get(cause)},
            "marks": sorted(mark.value for mark in delta.marks),
            # What came after version 1 is left out where it says nothing: a window is the last one once.
        }
        | ({"ended": True} if delta.ended else {})
    )


def _delta_from_plain(plain: Mapping[str, Any], *, node: str, boot_id: str) -> ProfileDelta:
    ngrams, counts = _unwords(plain, "ngrams"), _unwords(plain, "counts")
    if len(ngrams) != len(counts):
        fail("counts", f"{len(ngrams)} values, one for each n-gram", f"{len(counts)}")
    if any(second <= first for first, second in itertools.pairwise(ngrams)):
        fail("ngrams", "distinct values in ascending order", "a value out of order")
    if ngrams and ngrams[-1] >= INJECTED << 1:
        fail("ngrams", "values below 2**61", str(ngrams[-1]))
    if 0 in counts or sum(counts) >= MAX_INT:
        fail("counts", "values of at least 1 that add up to less than 2**63", "others")
    start, end = take_int(plain, "start"), take_int(plain, "end")
    if end <= start:
        fail("end", f"a time after start ({start})", str(end))
    lost = to_object(plain.get("lost"), "lost")
    return ProfileDelta(
        node=node,
        boot_id=boot_id,
        container=to_container(to_object(plain.get("container"), "container")),
        start=start,
        end=end,
        arch=take_text(plain, "arch"),
        ngrams=ngrams,
        counts=counts,
        lost={to_member(LossCause, cause, "lost"): take_int(lost, cause) for cause in lost},
        marks=frozenset(to_member(Mark, mark, "marks") for mark in take_list(plain, "marks")),
        # Agents older than this field do not send it.
        ended=take_bool(plain, "ended") if "ended" in plain else False,
    )


def from_container(ref: ContainerRef) -> dict[str, Any]:
    """Return a container as it is sent; what came after version 1 is left out where it is empty."""
    plain = asdict(ref)
    if not ref.annotations:
        del plain["annotations"]
    return plain


def to_container(plain: Mapping[str, Any]) -> ContainerRef:
    """Read a container back.

    Raises:
        FieldError: A field of it is not what the format says.
    """
    labels = _texts(plain.get("labels"), "container.labels")
    # Agents older than this field do not send it.
    annotations = _texts(plain.get("annotations", {}), "container.annotations")
    if not take_text(plain, "id"):
        fail("container.id", "text that is not empty", "")
    return ContainerRef(
        **{name: take_text(plain, name) for name in _CONTAINER_TEXTS},
        kind=to_member(ContainerKind, plain.get("kind"), "container.kind"),
        labels=labels,
        annotations=annotations,
        seen_from_start=take_bool(plain, "seen_from_start"),
    )


def _texts(value: object, name: str) -> dict[str, str]:
    pairs = to_object(value, name)
    return {to_text(key, name): take_text(pairs, key) for key in pairs}


_CONTAINER_TEXTS: Final = tuple(field.name for field in fields(ContainerRef) if field.type is str)


def _agent_status(plain: Mapping[str, Any]) -> AgentStatus:
    # Fields this release does not know are left out: an agent one release ahead may count more.
    known: dict[str, Any] = {
        name: read(plain, name)
        for name, read in _AGENT_FIELDS.items()
        if name in plain or name in _AGENT_REQUIRED
    }
    return AgentStatus(**known)


def _words(values: tuple[int, ...]) -> str:
    packed = array("Q", values)
    if sys.byteorder == "big":  # pragma: no cover - no big-endian machine has a syscall table here
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()


def _unwords(plain: Mapping[str, Any], name: str) -> tuple[int, ...]:
    value = plain.get(name)
    if not isinstance(value, str):
        fail(name, "base64 text", kind_of(value))
    packed = array("Q")
    try:
        packed.frombytes(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        fail(name, "base64 of whole 8-byte words", f"{len(value)} characters that are not")
    if sys.byteorder == "big":  # pragma: no cover - as above
        packed.byteswap()
    return tuple(packed)


_READERS: Final[Mapping[object, Callable[[Mapping[str, Any], str], object]]] = {
    str: take_text,
    int: take_int,
    float: take_float,
}
_AGENT_FIELDS: Final = {each.name: _READERS[each.type] for each in fields(AgentStatus)}
_AGENT_REQUIRED: Final = {"version", "window_s"}
