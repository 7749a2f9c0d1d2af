"""Escape rules: one event that each is for, one neighbour."""

from tests.unit.default_rules.made import RUNTIME, Case, connects_to_socket, event, failed, opens, runs

CASES = (
    Case(
        "Release agent written in a container",
        opens("/tmp/cgrp/release_agent", "t", **failed("EROFS")),
        opens("/sys/fs/cgroup/cgroup.procs", "w"),
        "another file of a control group",
    ),
    Case(
        "Kernel helper path written in a container",
        opens("/proc/sys/kernel/core_pattern", "w", **failed("EROFS")),
        opens("/proc/sys/kernel/core_pattern", "r"),
        "it is only read",
    ),
    Case(
        "Kernel helper path written in a container",
        opens("/sys/kernel/uevent_helper", "w"),
        opens("/proc/sys/kernel/core_pattern", "w", **RUNTIME),
        "the runtime sets a container's sysctls",
    ),
    Case(
        "Program of a running process overwritten",
        opens("/proc/self/exe", "w", **failed("EACCES")),
        opens("/proc/self/exe", "r"),
        "a program reads its own image",
    ),
    Case(
        "Root of another process entered",
        opens("/proc/1/root/etc/hostname"),
        opens("/proc/self/root/etc/hostname"),
        "its own root",
    ),
    Case(
        "Root of another process entered",
        runs("chroot /proc/1/root sh"),
        runs("chroot /srv/jail sh"),
        "a jail inside the container",
    ),
    Case(
        "Container runtime socket used in a container",
        connects_to_socket("/var/run/docker.sock", **failed("ENOENT")),
        connects_to_socket("/var/run/postgresql/.s.PGSQL.5432"),
        "a database's socket",
    ),
    Case(
        "Container runtime socket used in a container",
        runs("curl --unix-socket /run/containerd/containerd.sock http://localhost/"),
        runs("curl --unix-socket /run/app.sock http://localhost/"),
        "an application's socket",
    ),
    Case(
        "Control group file system mounted in a container",
        event("mount", evt__arg__type="cgroup", evt__arg__dir="/tmp/cgrp", **failed("EPERM")),
        event("mount", evt__arg__type="cgroup2", evt__arg__dir="/sys/fs/cgroup", **RUNTIME),
        "the runtime mounts it while it makes the container",
    ),
    Case(
        "Mount in a container",
        event("mount", evt__arg__type="ext4", evt__arg__dir="/mnt", **failed("EPERM")),
        event("mount", evt__arg__type="proc", evt__arg__dir="/proc", **RUNTIME),
        "the runtime mounts while it makes the container",
    ),
    Case(
        "Namespace entered or made in a container",
        event("setns", evt__arg__flags="CLONE_NEWNS", **failed("EPERM")),
        event("setns", evt__arg__flags="CLONE_NEWNS", **RUNTIME),
        "the runtime enters namespaces for an exec",
    ),
    Case(
        "Namespace entered or made in a container",
        event("unshare", evt__arg__flags="CLONE_NEWUSER|CLONE_NEWNS"),
        event("unshare", evt__arg__flags="CLONE_FS"),
        "a thread takes a working directory of its own",
    ),
    Case(
        "Raw disk or memory opened in a container",
        opens("/dev/sda1", "r", **failed("EPERM")),
        opens("/dev/null", "w"),
        "every container has it",
    ),
    Case(
        "Raw disk or memory opened in a container",
        runs("mknod /tmp/disk b 8 0"),
        runs("mkfifo /tmp/pipe"),
        "a pipe is no device",
    ),
    Case(
        "Container or cluster client run in a container",
        runs("kubectl get secrets -A"),
        runs("kubelint --version"),
        "another program",
    ),
    Case(
        "BPF program loaded from a container",
        event("bpf", evt__arg__cmd="BPF_PROG_LOAD", **failed("EPERM")),
        event("bpf", evt__arg__cmd="BPF_MAP_LOOKUP_ELEM"),
        "it reads a map that it was given",
    ),
    Case(
        "Kernel module loaded from a container",
        event("finit_module", **failed("EPERM")),
        runs("lsmod"),
        "modules are only listed",
    ),
    Case(
        "Another process attached by ptrace",
        event("ptrace", evt__arg__request="PTRACE_ATTACH"),
        event("ptrace", evt__arg__request="PTRACE_TRACEME"),
        "a process lets its parent trace it",
    ),
    Case(
        "Memory of a process written",
        opens("/proc/812/mem", "w"),
        opens("/proc/self/maps", "r"),
        "a process reads its own map",
    ),
    Case(
        "Memory of a process written",
        event("process_vm_writev", **failed("EPERM")),
        event("process_vm_readv"),
        "memory is only read, as by a profiler",
    ),
    Case(
        "File opened by handle in a container",
        event("open_by_handle_at", **failed("EPERM")),
        opens("/srv/data"),
        "a file opened by its name",
    ),
    Case(
        "Ring of asynchronous calls set up in a container",
        event("io_uring_setup"),
        event("io_uring_enter"),
        "a ring that was reported when it was set up",
    ),
)
