"""The short-lived process that compiles and loads the sensor, and hands its descriptors over.

bcc brings LLVM, which stays mapped as long as the process that compiled lives;
the agent therefore never imports it. Started by `collector.sensor.loader` with
a socket; answers with one JSON object, and the descriptors beside it.
"""

import importlib.util
import json
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from collector.errors import CollectorError, RequirementError, SensorError
from collector.sensor import bpf
from collector.sensor.btf import KernelTypes, read_kernel_types

BCC_PACKAGE: Final = Path("/usr/lib/python3/dist-packages/bcc")
SOURCES: Final = Path(__file__).parents[1] / "bpf"

FIELDS: Final = (
    ("task_struct", "cgroups", "OFF_TASK_CGROUPS"),
    ("task_struct", "nsproxy", "OFF_TASK_NSPROXY"),
    ("task_struct", "thread_info.status", "OFF_TASK_THREAD_INFO_STATUS"),
    ("task_struct", "start_time", "OFF_TASK_START_TIME"),
    ("task_struct", "exit_code", "OFF_TASK_EXIT_CODE"),
    ("task_struct", "signal", "OFF_TASK_SIGNAL"),
    ("signal_struct", "flags", "OFF_SIGNAL_STRUCT_FLAGS"),
    ("css_set", "dfl_cgrp", "OFF_CSS_SET_DFL_CGRP"),
    ("cgroup", "kn", "OFF_CGROUP_KN"),
    ("cgroup", "root", "OFF_CGROUP_ROOT"),
    ("cgroup_root", "hierarchy_id", "OFF_CGROUP_ROOT_HIERARCHY_ID"),
    ("kernfs_node", "id", "OFF_KERNFS_NODE_ID"),
    ("nsproxy", "mnt_ns", "OFF_NSPROXY_MNT_NS"),
    ("mnt_namespace", "ns.inum", "OFF_MNT_NAMESPACE_NS_INUM"),
    ("pt_regs", "orig_ax", "OFF_PT_REGS_ORIG_AX"),
)
"""Kernel fields that the sensor reads, and the macros that tell it where."""

PROGRAMS: Final = {
    "on_sys_exit": "sys_exit",
    "on_fork": "sched_process_fork",
    "on_exec": "sched_process_exec",
    "on_exit": "sched_process_exit",
    "on_mkdir": "cgroup_mkdir",
    "on_rmdir": "cgroup_rmdir",
}
"""Programs and their tracepoints, in the order in which they are to be attached."""
MAPS: Final = ("table", "control", "containers", "losses", "events", "stats")


def load_bcc(package: Path = BCC_PACKAGE) -> ModuleType:
    """Import the operating system's bcc by its path, so that no other of its packages leaks in.

    Raises:
        RequirementError: It is not installed, or something else has its name.
    """
    cure = (
        "install the operating system's package python3-bpfcc (the one named bcc on PyPI is something else)"
    )
    spec = importlib.util.spec_from_file_location("bcc", package / "__init__.py")
    if spec is None or spec.loader is None or not (package / "__init__.py").exists():
        msg = f"There is no bcc at {package}: {cure}."
        raise RequirementError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError) as error:
        del sys.modules["bcc"]
        msg = f"bcc at {package} cannot be imported ({error}): {cure}."
        raise RequirementError(msg) from error
    if not hasattr(module, "BPF"):
        del sys.modules["bcc"]
        msg = f"The package at {package} is not the BPF compiler collection: {cure}."
        raise RequirementError(msg)
    return module


def defines(types: KernelTypes, given: dict[str, int]) -> dict[str, int]:
    """Return every macro that the sensor's source expects from the command line."""
    return {macro: types.offset(structure, path) for structure, path, macro in FIELDS} | given


def build(given: dict[str, int]) -> tuple[list[int], list[int]]:
    """Compile and load; return the descriptors of `MAPS` and of `PROGRAMS`, in their order.

    Raises:
        RequirementError: This machine lacks something.
        SensorError: The source does not compile, or the kernel refused a program.
    """
    types = read_kernel_types()
    options = [f"-D{name}={value}ULL" for name, value in sorted(defines(types, given).items())]
    # Before bcc makes the maps: it would speak of a failed compilation.
    bpf.check_permission(types.typedef(f"btf_trace_{PROGRAMS['on_sys_exit']}"))
    bcc: Any = load_bcc()
    try:
        module = bcc.BPF(
            src_file=str(SOURCES / "sensor.c"), cflags=[*options, f"-I{SOURCES}", "-Wall", "-Werror"]
        )
    except Exception as error:
        msg = f"bcc could not compile {SOURCES / 'sensor.c'}: {error}."
        raise SensorError(msg) from error
    maps = [bcc.libbcc.lib.bpf_table_fd(module.module, name.encode()) for name in MAPS]
    programs = [
        bpf.load_program(name, module.dump_func(name), types.typedef(f"btf_trace_{tracepoint}"))
        for name, tracepoint in PROGRAMS.items()
    ]
    return maps, programs


def main() -> None:
    """Read macros as JSON from the socket given as descriptor 0, and answer on it."""
    with socket.socket(fileno=0) as channel:
        given = json.loads(channel.recv(1 << 16))
        try:
            maps, programs = build(given)
        except CollectorError as error:
            answer = {"error": str(error), "requirement": isinstance(error, RequirementError)}
            channel.sendall(json.dumps(answer).encode())
        else:
            socket.send_fds(channel, [json.dumps({"error": ""}).encode()], [*maps, *programs])
