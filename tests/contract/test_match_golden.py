"""Bytes of every match schema version ever shipped still decode to what they meant.

To add a version: raise `MATCH_SCHEMA_VERSION`, write its file by running this module, and never change an
older file.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from wire.errors import FieldError, VersionError
from wire.match import MATCH_SCHEMA_VERSION, Ancestor, Priority, SignatureMatch, decode_match, encode_match
from wire.profile import ContainerRef

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"

MATCH = SignatureMatch(
    node="node-a",
    boot_id="0f6b7a52-9a3c-4f0e-8a59-3d1f6a2b4c5d",
    sequence=12,
    rule="Terminal shell in container",
    priority=Priority.NOTICE,
    source="syscall",
    tags=("T1059", "container", "shell"),
    time=1_790_000_000_123_456_789,
    event_type="execve",
    output="A shell was spawned in a container (user=root terminal=34816)",
    output_fields={
        "user.name": "root", "proc.tty": 34816, "proc.is_exe_upper_layer": False, "proc.duration": 0.5,
        "proc.aname[9]": None,
    },
    container=ContainerRef(
        id="4f" * 32, runtime="containerd", name="nginx", pod="web-0", namespace="shop", labels={"app": "web"}
    ),
    pid=4711,
    ancestors=(
        Ancestor(pid=4711, name="sh", exe="/bin/sh", cmdline="sh -i"),
        Ancestor(pid=4700, name="nginx", exe="/usr/sbin/nginx", cmdline="nginx -g daemon off;"),
    ),
    ruleset="7",
)  # fmt: skip


def test_version_1_of_a_match_is_readable_for_ever() -> None:
    """The stored bytes decode, and today's encoder still writes the same bytes."""
    stored = (GOLDEN / "match-v1.json").read_bytes()

    assert decode_match(stored) == MATCH
    assert MATCH_SCHEMA_VERSION == 1
    assert stored == encode_match(MATCH)


def test_a_match_on_the_host_has_no_container() -> None:
    """None survives the way there and back."""
    match = replace(MATCH, container=None, ancestors=())

    assert decode_match(encode_match(match)) == match


@pytest.mark.parametrize(
    ("name", "value"),
    [("priority", "Urgent"), ("tags", [1]), ("output_fields", {"a": []}), ("time", -1), ("rule", None),
     ("ancestors", [{}])],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named(name: str, value: object) -> None:
    """One wrong field is refused with its name."""
    plain = json.loads(encode_match(MATCH)) | {name: value}

    with pytest.raises(FieldError):
        decode_match(json.dumps(plain).encode())


def test_an_unknown_version_is_refused() -> None:
    """A reader does not guess what a later version means."""
    plain = json.loads(encode_match(MATCH)) | {"schema_version": 2}

    with pytest.raises(VersionError, match="version 1"):
        decode_match(json.dumps(plain).encode())


def test_tags_have_one_order() -> None:
    """Two writers of the same match write the same bytes."""
    with pytest.raises(FieldError, match="ascending"):
        replace(MATCH, tags=("b", "a"))


if __name__ == "__main__":
    (GOLDEN / f"match-v{MATCH_SCHEMA_VERSION}.json").write_bytes(encode_match(MATCH))
