"""From learned calls to a seccomp profile, in the forms that runtimes and operators read. Pure.

OCI: runtime-spec, `config-linux.md`, section Seccomp.
Resource: `SeccompProfile` of the security-profiles-operator.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from wire.ngram import TOKEN_MASK, is_injected
from wire.syscalls import COMPAT_BASE, COMPAT_OTHER, NATIVE_OTHER, START, load_table

_COMPAT: Final = "compat:"
# runc puts the filter on itself before it starts the container's program: what it and its Go threads call
# after that, read off runc 1.1.5 with strace, with and without no_new_privs.
_RUNTIME: Final = """
capget capset chdir clone close epoll_ctl epoll_pwait execve exit exit_group faccessat2 fchdir fcntl
fstat fstatfs futex getcwd getdents64 getpid getppid gettid madvise mmap munmap nanosleep newfstatat
openat openat2 prctl read rt_sigaction rt_sigprocmask sched_yield setgid setgroups setuid sigaltstack
tgkill write
"""
# Calls that learning seldom or never sees: the kernel's own returns, and those that the vDSO answers until
# the machine's clock source changes.
_HIDDEN: Final = "rt_sigreturn restart_syscall clock_getres clock_gettime getcpu gettimeofday time"
RUNTIME: Final = frozenset(_RUNTIME.split())
HIDDEN: Final = frozenset(_HIDDEN.split())
_NO_SUCH_CALL: Final = 38
_ARCHITECTURES: Final = {"x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86")}
"""Native, and that of 32-bit calls."""
_NOT_A_NAME: Final = re.compile("[^a-z0-9.-]+")
_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The calls of some n-grams, by name."""

    native: frozenset[str]
    compat: frozenset[str]
    injected_only: frozenset[str]
    """Made by exec sessions and probes alone."""
    unnamed: frozenset[str]
    """Those whose number no table has: a profile, which goes by names, cannot hold them."""

    @property
    def names(self) -> frozenset[str]:
        """All that can be allowed."""
        return self.native | self.compat


def read_calls(ngrams: Iterable[int], arch: str) -> Calls:
    """Return the calls that end the n-grams of a baseline: each counted call ends one.

    Examples:
        >>> from wire.ngram import pack
        >>> table = load_table("x86_64")
        >>> own = pack([table.token("read"), table.token("write")])
        >>> session = pack([table.token("execve")], injected=True)
        >>> calls = read_calls([own, session], "x86_64")
        >>> sorted(calls.names), sorted(calls.injected_only)
        (['execve', 'write'], ['execve'])
    """
    table = load_table(arch)
    own: set[int] = set()
    injected: set[int] = set()
    for ngram in ngrams:
        (injected if is_injected(ngram) else own).add(int(ngram) & TOKEN_MASK)
    named: dict[int, str] = {token: table.name(token) for token in (own | injected) - {START}}
    unnamed = {name for token, name in named.items() if token in {NATIVE_OTHER, COMPAT_OTHER} or "#" in name}

    def bare(tokens: Collection[int]) -> frozenset[str]:
        return frozenset(
            named[each].removeprefix(_COMPAT)
            for each in tokens
            if each in named and named[each] not in unnamed
        )

    return Calls(
        native=bare([each for each in named if each < COMPAT_BASE]),
        compat=bare([each for each in named if each >= COMPAT_BASE]),
        injected_only=bare(injected) - bare(own),
        unnamed=frozenset(unnamed),
    )


def known_names(arch: str) -> frozenset[str]:
    """Return every call that a profile of an architecture may name."""
    table = load_table(arch)
    return frozenset(table.native.values()) | frozenset(table.compat.values())


def build_profile(calls: Calls, arch: str, also: Collection[str]) -> dict[str, Any]:
    """Return an OCI profile that allows the learned calls, what a runtime needs, and what was asked for.

    Everything else fails with EPERM. A C library that finds `clone3` forbidden gives up, and one that
    finds it missing takes `clone`: where it was not learned it is answered as missing.
    """
    allowed = calls.names | RUNTIME | HIDDEN | frozenset(also)
    native, compat = _ARCHITECTURES[arch]
    rules: list[dict[str, Any]] = [{"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"}]
    if "clone3" not in allowed:
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _NO_SUCH_CALL})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": [native, compat] if calls.compat else [native],
        "syscalls": rules,
    }


def build_resource(
    profile: dict[str, Any], *, name: str, namespace: str, annotations: dict[str, str]
) -> dict[str, Any]:
    """Return a profile as a `SeccompProfile` resource.

    Rules with an error number of their own are left out: v1beta1 of the resource has them as text, which the
    operator writes into the file as it is, and which runtimes refuse there.

    Examples:
        >>> resource = build_resource({"syscalls": []}, name="Shop/web", namespace="", annotations={})
        >>> resource["metadata"]["name"]
        'shop-web'
    """
    spelled = _NOT_A_NAME.sub("-", name.lower()).strip("-.")[:_LONGEST_NAME] or "workload"
    metadata: dict[str, Any] = {"name": spelled, "annotations": annotations}
    if namespace:
        metadata["namespace"] = namespace
    return {
        "apiVersion": "security-profiles-operator.x-k8s.io/v1beta1",
        "kind": "SeccompProfile",
        "metadata": metadata,
        "spec": profile | {"syscalls": [each for each in profile["syscalls"] if "errnoRet" not in each]},
    }
