"""What a sensor's C source needs around it, as data for the compiling process: fields, tracepoints, maps."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self


class KernelField(NamedTuple):
    """One field of a kernel structure, and the macro that tells the source where it lies."""

    structure: str
    path: str
    macro: str


@dataclass(frozen=True, slots=True)
class Source:
    """One C file of `collector/bpf` and what it is compiled and loaded with."""

    file: str
    fields: tuple[KernelField, ...]
    programs: dict[str, str]
    """Programs and their tracepoints, in the order in which they are to be attached."""
    maps: tuple[str, ...]
    optional_fields: tuple[KernelField, ...] = ()
    """Fields that some kernels lack; their macros are 0 there."""

    def as_json(self) -> dict[str, Any]:
        """Return it for the compiling process."""
        return {
            "file": self.file,
            "fields": [list(field) for field in self.fields],
            "programs": self.programs,
            "maps": list(self.maps),
            "optional_fields": [list(field) for field in self.optional_fields],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(
            file=data["file"],
            fields=tuple(KernelField(*field) for field in data["fields"]),
            programs=data["programs"],
            maps=tuple(data["maps"]),
            optional_fields=tuple(KernelField(*field) for field in data["optional_fields"]),
        )


COUNTING: Final = Source(
    file="sensor.c",
    fields=(
        KernelField("task_struct", "cgroups", "OFF_TASK_CGROUPS"),
        KernelField("task_struct", "nsproxy", "OFF_TASK_NSPROXY"),
        KernelField("task_struct", "thread_info.status", "OFF_TASK_THREAD_INFO_STATUS"),
        KernelField("task_struct", "start_time", "OFF_TASK_START_TIME"),
        KernelField("task_struct", "exit_code", "OFF_TASK_EXIT_CODE"),
        KernelField("task_struct", "signal", "OFF_TASK_SIGNAL"),
        KernelField("signal_struct", "flags", "OFF_SIGNAL_STRUCT_FLAGS"),
        KernelField("css_set", "dfl_cgrp", "OFF_CSS_SET_DFL_CGRP"),
        KernelField("cgroup", "kn", "OFF_CGROUP_KN"),
        KernelField("cgroup", "root", "OFF_CGROUP_ROOT"),
        KernelField("cgroup_root", "hierarchy_id", "OFF_CGROUP_ROOT_HIERARCHY_ID"),
        KernelField("kernfs_node", "id", "OFF_KERNFS_NODE_ID"),
        KernelField("nsproxy", "mnt_ns", "OFF_NSPROXY_MNT_NS"),
        KernelField("mnt_namespace", "ns.inum", "OFF_MNT_NAMESPACE_NS_INUM"),
        KernelField("pt_regs", "orig_ax", "OFF_PT_REGS_ORIG_AX"),
    ),
    programs={
        "on_sys_exit": "sys_exit",
        "on_fork": "sched_process_fork",
        "on_exec": "sched_process_exec",
        "on_exit": "sched_process_exit",
        "on_mkdir": "cgroup_mkdir",
        "on_rmdir": "cgroup_rmdir",
    },
    maps=("table", "control", "containers", "losses", "events", "stats"),
)
"""The sensor that counts n-grams."""
