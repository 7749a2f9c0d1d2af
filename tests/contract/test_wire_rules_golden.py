"""Bytes of matches and bundles of every schema version ever shipped still decode to what they meant.

To add a version: raise its schema version, write its file with the lines at
the end of this module, and never change an older file.
"""

import json
from pathlib import Path

from wire.bundle import By, RuleBundle, RuleFile, Scope, Selection, decode_bundle, encode_bundle
from wire.match import (
    Ancestor,
    EngineReport,
    MatchBatch,
    Priority,
    RuleReport,
    RuleState,
    SignatureMatch,
    decode_match,
    decode_match_batch,
    encode_match,
    encode_match_batch,
)
from wire.profile import ContainerRef

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"

MATCH = SignatureMatch(
    node="node-a",
    boot_id="0f6b7a52-9a3c-4f0e-8a59-3d1f6a2b4c5d",
    sequence=41,
    time=1_790_000_003_123_456_789,
    pid=4321,
    event_type="execve",
    rule="Terminal shell in container",
    priority=Priority.NOTICE,
    output="A shell was spawned in a container | proc_exeline=sh -i user=root",
    ruleset="9f" * 32,
    container=ContainerRef(
        id="4f" * 32,
        runtime="containerd",
        name="nginx",
        pod="web-0",
        namespace="shop",
        image="lab.local/web:1",
        labels={"app": "web"},
        cgroup="/kubepods/besteffort/pod7b1c/" + "4f" * 32,
    ),
    tags=("T1059", "container", "mitre_execution", "shell"),
    output_fields={"proc.cmdline": "sh -i", "evt.rawres": -2, "proc.tty": 34816, "user.name": None},
    ancestors=(
        Ancestor(pid=4321, name="sh", exe="sh", cmdline="sh -i"),
        Ancestor(pid=4300, name="nginx", exe="/usr/sbin/nginx", cmdline="nginx -g daemon off;"),
    ),
    truncated=("proc.cmdline",),
    open_condition="anomaly.p_value < 0.01",
)
BATCH = MatchBatch(
    node=MATCH.node,
    boot_id=MATCH.boot_id,
    sent_at=1_790_000_003_200,
    engine=EngineReport(
        ruleset=MATCH.ruleset,
        error="falco_rules.yaml:3:1: LOAD_ERR_VALIDATE.",
        rules=(
            RuleReport(rule=MATCH.rule, state=RuleState.PARTLY, reasons=("proc.tty is not supplied.",)),
            RuleReport(rule="Other", state=RuleState.DISABLED),
        ),
        counters={"events": 900, "dropped_events": 3},
    ),
    matches=(MATCH,),
)
BUNDLE = RuleBundle(
    version=7,
    files=(
        RuleFile(name="nonself_rules.yaml", text="- list: shells\n  items: [sh, bash]\n"),
        RuleFile(name="shop.yaml", text="[]\n"),
    ),
    selections=(
        Selection(enable=False, by=By.RULE, pattern="Terminal *"),
        Selection(enable=True, by=By.TAG, pattern="shell", scope=Scope(namespace="shop")),
        Selection(enable=False, by=By.RULE, pattern="Other", scope=Scope(workload=3)),
    ),
)


def test_version_1_of_a_match_is_readable_for_ever() -> None:
    """The stored bytes decode, and today's encoder still writes the same bytes."""
    stored = (GOLDEN / "match-v1.json").read_bytes()

    assert decode_match(stored) == MATCH
    assert encode_match(MATCH) == stored


def test_version_1_of_a_match_batch_is_readable_for_ever() -> None:
    """The stored body decodes; its compression may differ from today's zlib."""
    assert decode_match_batch((GOLDEN / "match-batch-v1.json.gz").read_bytes()) == BATCH


def test_version_1_of_a_bundle_is_readable_for_ever() -> None:
    """The stored bytes decode, and today's encoder still writes the same bytes and digest."""
    stored = (GOLDEN / "rule-bundle-v1.json").read_bytes()

    assert decode_bundle(stored) == BUNDLE
    assert encode_bundle(BUNDLE) == stored
    assert json.loads(stored)["digest"] == BUNDLE.digest


if __name__ == "__main__":
    (GOLDEN / "match-v1.json").write_bytes(encode_match(MATCH))
    (GOLDEN / "match-batch-v1.json.gz").write_bytes(encode_match_batch(BATCH))
    (GOLDEN / "rule-bundle-v1.json").write_bytes(encode_bundle(BUNDLE))
