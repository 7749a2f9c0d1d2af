"""What `collector/bpf/events.c` needs around it."""

from typing import Final

from collector.sensor.source import KernelField, Source

_FIELDS: Final = {
    "task_struct": (
        "thread_info.status real_parent group_leader cred signal thread_pid nsproxy start_boottime tgid pid"
        " fs files mm"
    ),
    "signal_struct": "tty pids live",
    "tty_struct": "driver index",
    "tty_driver": "major minor_start",
    "mm_struct": "arg_start arg_end env_start env_end exe_file",
    "file": "f_path f_inode f_flags private_data",
    "path": "dentry mnt",
    "dentry": "d_parent d_name",
    "qstr": "name",
    "vfsmount": "mnt_root",
    "mount": "mnt mnt_parent mnt_mountpoint",
    "inode": "i_mode i_uid i_gid i_ino i_sb",
    "super_block": "s_magic s_dev",
    "fs_struct": "pwd root",
    "files_struct": "fdt",
    "fdtable": "fd max_fds",
    "socket": "sk",
    "cred": "uid gid euid egid cap_effective cap_permitted cap_inheritable",
    "pid": "level numbers",
    "upid": "nr",
    "nsproxy": "mnt_ns",
    "mnt_namespace": "ns.inum",
    "linux_binprm": "filename",
    "pt_regs": "di si dx r10 r8 r9 bx cx bp orig_ax",
    "unix_sock": "addr",
    "unix_address": "name",
}
_SOCK: Final = {
    "__sk_common.skc_family": "FAMILY",
    "__sk_common.skc_state": "STATE",
    "__sk_common.skc_daddr": "DADDR",
    "__sk_common.skc_rcv_saddr": "RCV_SADDR",
    "__sk_common.skc_dport": "DPORT",
    "__sk_common.skc_num": "NUM",
    "__sk_common.skc_v6_daddr": "V6_DADDR",
    "__sk_common.skc_v6_rcv_saddr": "V6_RCV_SADDR",
    "sk_type": "TYPE",
    "sk_protocol": "PROTOCOL",
}


def _macro(structure: str, path: str) -> str:
    short = "TASK" if structure == "task_struct" else structure.upper()
    return f"OFF_{short}_{path.replace('.', '_').upper()}"


EVENTS: Final = Source(
    file="events.c",
    fields=(
        *(
            KernelField(structure, path, _macro(structure, path))
            for structure, paths in _FIELDS.items()
            for path in paths.split()
        ),
        *(KernelField("sock", path, f"OFF_SOCK_{name}") for path, name in _SOCK.items()),
    ),
    optional_fields=(
        KernelField("task_struct", "loginuid", "OFF_TASK_LOGINUID"),
        KernelField("inode", "i_ctime_sec", "OFF_INODE_I_CTIME_SEC"),
        KernelField("inode", "i_mtime_sec", "OFF_INODE_I_MTIME_SEC"),
        KernelField("ovl_inode", "__upperdentry", "OFF_OVL_UPPERDENTRY"),
        KernelField("ovl_inode", "vfs_inode", "OFF_OVL_INODE"),
    ),
    programs={
        "on_call": "sys_enter",
        "on_result": "sys_exit",
        "on_fork": "task_newtask",
        "on_exec": "sched_process_exec",
        "on_exit": "sched_process_exit",
        "on_rename": "task_rename",
    },
    maps=("calls", "config", "prefixes", "hosts", "records", "stats"),
)
"""The sensor that reports events for static rules."""
