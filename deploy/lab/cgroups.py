"""The cgroups that containers leave behind once a kubelet is missing that would remove them."""

import contextlib
from pathlib import Path


def remove(path: str) -> None:
    """Remove a cgroup with all below it, and its parents as far as they are empty, in every hierarchy."""
    for mount in mounts():
        top = mount / path.strip("/")
        for each in [*sorted((p for p in top.rglob("*") if p.is_dir()), reverse=True), top, *top.parents]:
            if each == mount or mount not in each.parents:
                break
            # Busy, gone or shared with somebody else: each is a reason to leave it alone.
            with contextlib.suppress(OSError):
                each.rmdir()


def mounts() -> list[Path]:
    """Return where each cgroup hierarchy is mounted."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [Path(fields[4]) for fields in lines if fields[fields.index("-") + 1] in {"cgroup", "cgroup2"}]
