"""Bytes of every schema version ever shipped still decode to what they meant.

To add a version: raise `SCHEMA_VERSION`, write its file with the two lines at
the end of this module, and never change an older file.
"""

import json
from dataclasses import replace
from pathlib import Path

from wire.codec import decode_batch, decode_delta, encode_batch, encode_delta
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

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"

DELTA = ProfileDelta(
    node="node-a",
    boot_id="0f6b7a52-9a3c-4f0e-8a59-3d1f6a2b4c5d",
    container=ContainerRef(
        id="4f" * 32,
        runtime="containerd",
        kind=ContainerKind.CONTAINER,
        name="nginx",
        pod="web-0",
        namespace="shop",
        pod_uid="7b1c",
        image="lab.local/web:1",
        image_digest="sha256:" + "ab" * 32,
        labels={"app": "web"},
        cgroup="/kubepods/besteffort/pod7b1c/" + "4f" * 32,
        seen_from_start=True,
    ),
    start=1_790_000_000_000,
    end=1_790_000_010_000,
    arch="x86_64",
    ngrams=(60, (60 << 10) | 13, (1 << 60) | 60),
    counts=(1, 2, 3),
    lost={LossCause.QUOTA: 7},
    marks=frozenset({Mark.QUOTA}),
)
BATCH = Batch(
    node=DELTA.node,
    boot_id=DELTA.boot_id,
    sent_at=1_790_000_010_050,
    agent=AgentStatus(version="0.1.0", window_s=10.0, kernel="6.1.0", containers=1),
    deltas=(DELTA,),
)
ANNOTATED = replace(
    DELTA, container=replace(DELTA.container, annotations={"kubernetes.io/config.source": "file"})
)
"""The same with what was added to version 1 later."""
ENDED = replace(DELTA, ended=True)
"""As well."""


def test_version_1_of_a_delta_is_readable_for_ever() -> None:
    """The stored bytes decode, and today's encoder still writes the same bytes."""
    stored = (GOLDEN / "delta-v1.json").read_bytes()

    assert decode_delta(stored) == DELTA
    assert SCHEMA_VERSION == 1
    assert stored == encode_delta(DELTA)


def test_an_annotated_delta_of_version_1_is_readable_for_ever() -> None:
    """What came later is a field that an older reader skips, and that is left out where it is empty."""
    stored = (GOLDEN / "delta-v1-annotations.json").read_bytes()

    assert decode_delta(stored) == ANNOTATED
    assert stored == encode_delta(ANNOTATED)
    assert b"annotations" not in encode_delta(DELTA)


def test_a_last_delta_of_version_1_is_readable_for_ever() -> None:
    """A container's end is a field that an older reader skips, and that no other delta has."""
    stored = (GOLDEN / "delta-v1-ended.json").read_bytes()

    assert decode_delta(stored) == ENDED
    assert stored == encode_delta(ENDED)
    assert b"ended" not in encode_delta(DELTA)


def test_version_1_of_a_batch_is_readable_for_ever() -> None:
    """The stored body decodes; its compression may differ from today's zlib."""
    stored = (GOLDEN / "batch-v1.json.gz").read_bytes()

    assert decode_batch(stored) == BATCH


def test_the_stored_delta_is_plain_json() -> None:
    """A reader without our code can take it apart."""
    assert json.loads((GOLDEN / "delta-v1.json").read_bytes())["container"]["pod"] == "web-0"


if __name__ == "__main__":
    (GOLDEN / f"delta-v{SCHEMA_VERSION}.json").write_bytes(encode_delta(DELTA))
    (GOLDEN / "delta-v1-annotations.json").write_bytes(encode_delta(ANNOTATED))
    (GOLDEN / "delta-v1-ended.json").write_bytes(encode_delta(ENDED))
    (GOLDEN / f"batch-v{SCHEMA_VERSION}.json.gz").write_bytes(encode_batch(BATCH))
