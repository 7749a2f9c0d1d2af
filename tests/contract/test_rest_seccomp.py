"""What was learned as a seccomp profile, over REST."""

from typing import Any

import pytest

from api.seccomp.profile import build_profile, read_calls
from tests.service import INTRUSION, LOOP, Service, a_container, a_delta
from wire.ngram import pack
from wire.profile import ContainerKind
from wire.syscalls import load_table

TABLE = load_table("x86_64")


def ask(service: Service, **query: Any) -> Any:
    """Return the answer for the first workload."""
    return service.get("/v1/workloads/1/seccomp", **query)


def test_a_profile_allows_what_was_learned_and_what_a_runtime_needs(service: Service) -> None:
    """Learned calls, those of the runtime, and the asked ones; everything else fails with an error."""
    service.learn(40)

    found = ask(service, also="mount, bpf").json()

    names = found["profile"]["syscalls"][0]["names"]
    assert found["profile"]["defaultAction"] == "SCMP_ACT_ERRNO"
    assert found["profile"]["architectures"] == ["SCMP_ARCH_X86_64"]
    assert set(found["learned"]) == {TABLE.name(ngram & 1023) for ngram in LOOP}
    assert set(names) == set(found["learned"]) | set(found["added"])
    assert {"mount", "bpf", "execve", "capset", "restart_syscall"} <= set(names)
    assert "ptrace" not in names
    assert {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38} in found["profile"]["syscalls"]


def test_a_young_baseline_gives_none(service: Service) -> None:
    """It says what is missing, and gives one only to who asks for an incomplete one."""
    service.learn(3)

    refused = ask(service)
    given = ask(service, incomplete=True)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-possible")
    assert "windows" in refused.json()["detail"]
    assert given.status_code == 200
    assert given.json()["warnings"][0] in refused.json()["detail"]


def test_a_workload_whose_start_was_never_seen_gives_none(service: Service) -> None:
    """The calls of starting would be refused at its next start."""
    service.learn(40, container=a_container(seen_from_start=False))

    assert "seen from its start" in ask(service).json()["detail"]


def test_quarantined_calls_are_left_out_by_name(service: Service) -> None:
    """What an intrusion called is not allowed, and is said."""
    service.learn(60)
    assert service.send(a_delta(60, {**LOOP, **INTRUSION})).status_code == 200
    service.worker.drain()

    found = ask(service).json()

    left_out = found["left_out"]["quarantined"]
    assert "wait4" not in found["profile"]["syscalls"][0]["names"]
    assert set(left_out) == {
        name
        for name in (TABLE.name(ngram & 1023) for ngram in INTRUSION)
        if name not in found["profile"]["syscalls"][0]["names"]
    }


def test_a_resource_carries_where_it_comes_from(service: Service) -> None:
    """Name, namespace, and how much was learned."""
    service.learn(40)

    resource = ask(service, format="resource").json()["profile"]

    assert (resource["kind"], resource["metadata"]["name"]) == ("SeccompProfile", "cart-web")
    assert resource["metadata"]["namespace"] == "shop"
    assert [each["action"] for each in resource["spec"]["syscalls"]] == ["SCMP_ACT_ALLOW"]
    assert resource["metadata"]["annotations"]["nonself.io/windows-learned"] == "40"


def test_an_unknown_call_is_refused_by_name(service: Service) -> None:
    """A misspelled call would be left out in silence by the runtime."""
    service.learn(40)

    answer = ask(service, also="mount,moutn")

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert "moutn" in answer.json()["detail"]


def test_a_workload_without_baseline_gives_none(service: Service) -> None:
    """Neither one that is unknown nor one that never learned."""
    assert ask(service).status_code == 404
    service.send(a_delta(container=a_container(kind=ContainerKind.CONTAINER, name="", pod="", image="")))
    service.worker.drain()
    assert service.get("/v1/workloads").json()["items"] == [] or ask(service).status_code == 409


def test_32_bit_calls_bring_their_architecture() -> None:
    """Their names are allowed on both; without any the other architecture stays out."""
    call = pack([TABLE.token("socketcall", compat=True)])

    calls = read_calls([call], "x86_64")
    profile = build_profile(calls, "x86_64", [])

    assert calls.compat == {"socketcall"}
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]


@pytest.mark.parametrize("token", [511, 1023, 510])
def test_a_call_without_a_name_cannot_be_allowed(token: int) -> None:
    """A profile goes by names; what has none is told."""
    calls = read_calls([pack([token])], "x86_64")

    assert calls.names == frozenset()
    assert len(calls.unnamed) == 1
