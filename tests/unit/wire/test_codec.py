"""The wire codec: what is sent arrives, and nothing else is let in."""

import base64
import gzip
import json
from array import array
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.strategies import batches, deltas
from wire.codec import (
    decode_batch,
    decode_delta,
    encode_batch,
    encode_delta,
    sign,
    signing_key,
    verify,
)
from wire.errors import MalformedError, VersionError
from wire.fields import MAX_PLAIN_BYTES
from wire.ngram import INJECTED
from wire.profile import Batch, ProfileDelta


@given(batches())
def test_a_batch_arrives_as_it_was_sent(batch: Batch) -> None:
    """Decoding what was encoded gives an equal batch, and encoding is deterministic."""
    body = encode_batch(batch)

    assert batch == decode_batch(body)
    assert body == encode_batch(batch)


@given(deltas())
def test_a_delta_arrives_as_it_was_sent(delta: ProfileDelta) -> None:
    """A delta stands alone: its bytes carry its node and boot."""
    assert delta == decode_delta(encode_delta(delta))


@given(batches(), st.data())
def test_a_truncated_batch_is_refused(batch: Batch, data: st.DataObject) -> None:
    """A body cut at any byte raises MalformedError."""
    body = encode_batch(batch)
    cut = data.draw(st.integers(0, len(body) - 1))

    with pytest.raises(MalformedError):
        decode_batch(body[:cut])


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    """Bytes of no format raise MalformedError, packed or not."""
    for body in (noise, gzip.compress(noise)):
        with pytest.raises(MalformedError):
            decode_batch(body)


def test_a_decompression_bomb_is_refused_early() -> None:
    """A small body that unpacks beyond the limit raises before it is unpacked whole."""
    bomb = gzip.compress(b" " * (MAX_PLAIN_BYTES + 1))

    with pytest.raises(MalformedError, match="larger than"):
        decode_batch(bomb)


def test_deep_nesting_is_refused() -> None:
    """JSON nested beyond any use raises MalformedError, not RecursionError."""
    with pytest.raises(MalformedError):
        decode_batch(gzip.compress(b"[" * 100_000))


def plain_batch() -> dict[str, Any]:
    """Return a correct body as plain data."""

    def words(*values: int) -> str:
        return base64.b64encode(array("Q", values).tobytes()).decode()

    container = dict.fromkeys(
        ("runtime", "name", "pod", "namespace", "pod_uid", "image", "image_digest", "cgroup"), ""
    )
    container |= {"id": "c1", "kind": "container", "labels": {}, "seen_from_start": True}
    delta = {"container": container, "start": 10, "end": 20, "arch": "x86_64", "lost": {}, "marks": []}
    delta |= {"ngrams": words(1, 2), "counts": words(5, 6)}
    return {
        "schema_version": 1,
        "node": "a",
        "boot_id": "b",
        "sent_at": 1,
        "agent": {"version": "1", "window_s": 10},
        "deltas": [delta],
    }


def test_the_plain_form_is_read() -> None:
    """A batch written by hand from the documented format decodes."""
    (delta,) = decode_batch(gzip.compress(json.dumps(plain_batch()).encode())).deltas

    assert delta.ngrams == (1, 2)
    assert delta.calls == 11


def test_an_unknown_agent_counter_is_skipped() -> None:
    """An agent one release ahead may send counters that this release does not know."""
    plain = plain_batch()
    plain["agent"]["phase_of_moon"] = 3

    assert decode_batch(gzip.compress(json.dumps(plain).encode())).agent.version == "1"


BAD = [
    (("schema_version",), 2, "schema version 1"),
    (("node",), "", "node"),
    (("node",), 7, "node"),
    (("boot_id",), "a\0b", "boot_id"),
    (("sent_at",), -1, "sent_at"),
    (("sent_at",), True, "sent_at"),
    (("agent",), None, "agent"),
    (("agent", "version"), None, "version"),
    (("agent", "window_s"), "ten", "window_s"),
    (("agent", "rss_bytes"), 1.5, "rss_bytes"),
    (("deltas",), {}, "deltas"),
    (("deltas", 0), [], r"deltas\[0\]"),
    (("deltas", 0, "end"), 10, "end"),
    (("deltas", 0, "start"), 2**63, "start"),
    (("deltas", 0, "ngrams"), "AAA", "ngrams"),
    (("deltas", 0, "ngrams"), "AAAA", "ngrams"),
    (("deltas", 0, "ngrams"), None, "ngrams"),
    (("deltas", 0, "ngrams"), [2, 1], "ngrams"),
    (("deltas", 0, "ngrams"), [1, INJECTED << 1], "ngrams"),
    (("deltas", 0, "counts"), [1], "counts"),
    (("deltas", 0, "counts"), [0, 1], "counts"),
    (("deltas", 0, "counts"), [2**63, 1], "counts"),
    (("deltas", 0, "lost"), {"gremlins": 1}, "lost"),
    (("deltas", 0, "lost"), {"quota": -1}, "quota"),
    (("deltas", 0, "marks"), ["odd"], "marks"),
    (("deltas", 0, "marks"), [["quota"]], "marks"),
    (("deltas", 0, "ended"), 1, "ended"),
    (("deltas", 0, "container", "id"), "", "container.id"),
    (("deltas", 0, "container", "image"), "x" * 5000, "image"),
    (("deltas", 0, "container", "kind"), "vm", "container.kind"),
    (("deltas", 0, "container", "labels"), {"a": 1}, "a"),
    (("deltas", 0, "container", "seen_from_start"), 1, "seen_from_start"),
]


@pytest.mark.parametrize(("path", "value", "named"), BAD)
def test_a_field_that_does_not_fit_is_named(path: tuple[str | int, ...], value: object, named: str) -> None:
    """Each wrong field raises MalformedError, and the message names it."""
    plain: Any = plain_batch()
    if path[-1] in {"ngrams", "counts"} and isinstance(value, list):
        value = base64.b64encode(array("Q", value).tobytes()).decode()
    place = plain
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(MalformedError, match=named) as raised:
        decode_batch(gzip.compress(json.dumps(plain).encode()))
    assert isinstance(raised.value, VersionError) == (path == ("schema_version",))


@given(st.binary(max_size=100), st.text(min_size=1), st.data())
def test_a_signature_fits_one_body_and_one_key(body: bytes, token: str, data: st.DataObject) -> None:
    """A changed body, another token or a mangled signature does not verify."""
    key = signing_key(token)
    signature = sign(body, key)
    other = data.draw(st.binary(max_size=100).filter(lambda value: value != body))

    assert verify(body, signature, key)
    assert not verify(other, signature, key)
    assert not verify(body, signature, signing_key(token + "x"))
    assert not verify(body, signature + "é", key)
