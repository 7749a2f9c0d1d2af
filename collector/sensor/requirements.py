"""What the sensor needs of a machine, each with the cure where it is missing: for `nonself-agent check`."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.errors import CgroupMountError, RequirementError, SensorError
from collector.identity.cgroups import find_cgroup2_mount
from collector.sensor import bpf, compiler
from collector.sensor.btf import VMLINUX, KernelTypes, read_kernel_types
from collector.sensor.source import COUNTING, Source

_ROOT: Final = Path("/")
_OLDEST_KERNEL: Final = (5, 15)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that the sensor needs, and whether it is there."""

    name: str
    cure: str = ""
    """What is missing and what to do about it, one sentence; empty where nothing is."""

    @property
    def ok(self) -> bool:
        """Whether nothing has to be done."""
        return not self.cure


def requirements(root: Path = _ROOT) -> list[Requirement]:
    """Check everything, each on its own; takes about a second.

    Imports bcc into this process, which keeps its memory: for a command that ends, not for the agent.

    Args:
        root: Where the machine's file system is.
    """
    return [Requirement(name, _cure(check, root)) for name, check in _checks()]


def requirement_of(source: Source, name: str, root: Path = _ROOT) -> Requirement:
    """Check what another sensor needs beyond `requirements`: fields of the kernel, and tracepoints."""
    return Requirement(name, _cure(lambda _: _attachable(source, root), root))


def _checks() -> Iterator[tuple[str, Callable[[Path], object]]]:
    yield "machine", _machine
    yield "kernel version", _kernel_version
    yield "kernel type information", _types
    yield "cgroup version 2", lambda root: find_cgroup2_mount(str(root / "proc/self/mountinfo"))
    yield "bcc", lambda root: compiler.load_bcc(root / str(compiler.BCC_PACKAGE).lstrip("/"))
    yield "permission to load BPF programs", _permission
    yield "tracepoints", _tracepoints


def _cure(check: Callable[[Path], object], root: Path) -> str:
    try:
        check(root)
    except (RequirementError, CgroupMountError) as error:
        return str(error)
    return ""


def _machine(_: Path) -> None:
    machine = platform.machine()
    if machine != "x86_64":
        msg = f"The sensor knows the registers of x86_64 only; this machine is {machine}."
        raise RequirementError(msg)


def _kernel_version(_: Path) -> None:
    release = platform.release()
    major, minor = (int("".join(filter(str.isdigit, part))) for part in release.split(".")[:2])
    if (major, minor) < _OLDEST_KERNEL:
        msg = f"Linux {'.'.join(map(str, _OLDEST_KERNEL))} or later is needed; this is {release}."
        raise RequirementError(msg)


def _types(root: Path) -> KernelTypes:
    return read_kernel_types(root / str(VMLINUX).lstrip("/"))


def _tracepoints(root: Path) -> None:
    _attachable(COUNTING, root)


def _attachable(source: Source, root: Path) -> None:
    types = _types(root)
    compiler.defines(types, source, {})
    for tracepoint in source.programs.values():
        types.typedef(f"btf_trace_{tracepoint}")


def _permission(root: Path) -> None:
    try:
        bpf.check_permission(_types(root).typedef("btf_trace_sys_exit"))
    except SensorError as error:
        raise RequirementError(str(error)) from error
