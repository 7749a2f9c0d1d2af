"""The cgroup2 tree: where it is mounted, the path of an id, and a walk over it."""

import ctypes
import errno
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collector.errors import CgroupMountError

_FILEID_KERNFS: Final = 0xFE  # include/linux/exportfs.h
_HANDLE: Final = struct.Struct("=IiQ")  # struct file_handle: bytes, type, kernfs id
_MAX_DEPTH: Final = 32
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
"""How the kernel writes a space in a path: `\\040` (proc_pid_mountinfo(5))."""

_libc = ctypes.CDLL(None, use_errno=True)


def find_cgroup2_mount(mountinfo: str = "/proc/self/mountinfo") -> str:
    """Return where the cgroup2 tree is mounted, on a pure v2 node or beside v1 hierarchies (hybrid).

    Raises:
        CgroupMountError: There is none, or only a part of the tree is mounted.
    """
    with Path(mountinfo).open(encoding="utf-8", errors="surrogateescape") as file:
        mounts = [line.split() for line in file]
    partial = ""
    for fields in mounts:
        if fields[fields.index("-") + 1] != "cgroup2":
            continue
        root, target = fields[3], fields[4]
        if root == "/":
            return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 8)), target)
        partial = root
    if partial:
        msg = (
            f"Expected the whole cgroup2 tree; got a mount of its part {partial}. "
            "Run the agent in the host's cgroup namespace (docker: --cgroupns=host --privileged)."
        )
        raise CgroupMountError(msg)
    msg = (
        "Expected a cgroup2 mount; this node has cgroup v1 only, where containers have no cgroup2 id. "
        "Boot with systemd.unified_cgroup_hierarchy=1, or run: "
        "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified, "
        "and restart the containers."
    )
    raise CgroupMountError(msg)


def path_of(cgroup_id: int, mount: str) -> str | None:
    """Return the path of a cgroup below the mount, beginning with `/`; None when it is gone. Needs root.

    Costs the same on every tree: the id is the handle of the directory.
    """
    handle = ctypes.create_string_buffer(_HANDLE.pack(8, _FILEID_KERNFS, cgroup_id), _HANDLE.size)
    try:
        mount_fd = os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = _libc.open_by_handle_at(mount_fd, handle, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if found < 0:
            return None
        try:
            link = Path(f"/proc/self/fd/{found}").readlink()
            alive = link.stat().st_ino == cgroup_id
        except OSError:
            return None
        finally:
            os.close(found)
    finally:
        os.close(mount_fd)
    return (str(link).removeprefix(mount.rstrip("/")) or "/") if alive else None


def is_empty(path: str, mount: str) -> bool:
    """Tell whether no process is left in a cgroup nor below it, or the cgroup is gone.

    A runtime removes the cgroup of an ended container some moments after its last process.
    """
    try:
        with open(f"{mount}{path}/cgroup.events", "rb") as file:  # noqa: PTH123 - once a window and container
            return b"populated 0" in file.read()
    except FileNotFoundError:
        return True
    except OSError as error:
        # Of a file that was open while the cgroup went.
        return error.errno == errno.ENODEV


def walk(mount: str) -> Iterator[tuple[int, str]]:
    """Yield (id, path) of every cgroup below the root, parents first, without those that vanish meanwhile."""
    pending = [("", mount, 0)]
    while pending:
        path, directory, depth = pending.pop()
        try:
            with os.scandir(directory) as entries:
                children = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for entry in children:
            below = f"{path}/{entry.name}"
            yield entry.inode(), below
            if depth < _MAX_DEPTH:
                pending.append((below, entry.path, depth + 1))


def prefixes(path: str) -> list[str]:
    """Return a path's ancestors and itself, outermost first.

    Examples:
        >>> prefixes("/a/b/c")
        ['/a', '/a/b', '/a/b/c']
    """
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[: end + 1]) for end in range(len(parts))]
