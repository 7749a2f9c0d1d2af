"""The codec of matches: what is sent arrives, and nothing else is let in."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given

from tests.contract.test_wire_rules_golden import BATCH, MATCH
from tests.strategies import match_batches, matches
from wire.errors import FieldError, MalformedError, VersionError
from wire.match import (
    MAX_MATCHES,
    MatchBatch,
    SignatureMatch,
    decode_match,
    decode_match_batch,
    encode_match,
    encode_match_batch,
)


@given(match_batches())
def test_a_batch_of_matches_arrives_as_it_was_sent(batch: MatchBatch) -> None:
    """Decoding what was encoded gives an equal batch, and encoding is deterministic."""
    body = encode_match_batch(batch)

    assert decode_match_batch(body) == batch
    assert encode_match_batch(batch) == body


@given(matches())
def test_a_match_stands_alone(match: SignatureMatch) -> None:
    """One match carries its node and boot, so that it can be stored by itself."""
    assert decode_match(encode_match(match)) == match


def rewritten(**changes: Any) -> bytes:
    """Return a good batch after changes to its one match."""
    plain = json.loads(gzip.decompress(encode_match_batch(BATCH)))
    plain["matches"][0].update(changes)
    return gzip.compress(json.dumps(plain).encode())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"time": -1}, "time"),
        ({"sequence": "4"}, "sequence"),
        ({"rule": ""}, "rule"),
        ({"priority": "notice"}, "priority"),
        ({"output": 7}, "output"),
        ({"output": "x" * 16_385}, "output"),
        ({"container": []}, "container"),
        ({"source": ""}, "source"),
        ({"tags": "shell"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"tags": ["b", "a"]}, "tags"),
        ({"output_fields": []}, "output_fields"),
        ({"output_fields": {"a": {"b": 1}}}, "output_fields.a"),
        ({"output_fields": {"a": float("nan")}}, "output_fields.a"),
        ({"output_fields": {"a": 1 << 64}}, "output_fields.a"),
        ({"output_fields": {"a": "\ud800"}}, "output_fields.a"),
        ({"output_fields": {str(each): 1 for each in range(257)}}, "output_fields"),
        ({"ancestors": [{"pid": 1}]}, "name"),
        ({"ancestors": [{"pid": 1, "name": "a", "exe": "", "cmdline": ""}] * 65}, "ancestors"),
        ({"truncated": None}, "truncated"),
        ({"open_condition": None}, "open_condition"),
    ],
)
def test_a_field_that_does_not_fit_is_named(changes: dict[str, Any], named: str) -> None:
    """Each wrong field is refused in a sentence that begins with its name."""
    with pytest.raises(FieldError, match=f"^{named}: expected .*; got .*"):
        decode_match_batch(rewritten(**changes))


def test_too_many_matches_are_refused() -> None:
    """A body holds a bounded number of matches."""
    plain = json.loads(gzip.decompress(encode_match_batch(BATCH)))
    plain["matches"] *= MAX_MATCHES + 1

    with pytest.raises(FieldError, match="matches: expected at most 5000 entries"):
        decode_match_batch(gzip.compress(json.dumps(plain).encode()))


def test_another_schema_version_is_refused() -> None:
    """A match of a newer release is not guessed at."""
    plain = json.loads(encode_match(MATCH)) | {"schema_version": 2}

    with pytest.raises(VersionError):
        decode_match(json.dumps(plain).encode())


def test_a_cut_body_is_refused() -> None:
    """Half a body is none."""
    with pytest.raises(MalformedError, match="cut off"):
        decode_match_batch(encode_match_batch(BATCH)[:-9])
