"""Finding and ending processes by their exact identity, never by a broad name."""

import os
import subprocess
from pathlib import Path


def stop(process: subprocess.Popen[bytes], *, patience_s: float = 10.0) -> int:
    """End a process of ours politely, then not; return its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            return process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def with_argument(argument: str) -> list[int]:
    """Return the processes that have exactly this among their arguments, ourselves excepted."""
    found = []
    for pid in _pids():
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in arguments and pid != os.getpid():
            found.append(pid)
    return found


def descendants(pid: int) -> list[int]:
    """Return the children of a process and theirs, parents first."""
    children: dict[int, list[int]] = {}
    for each in _pids():
        try:
            # The name in parentheses may hold anything, so the fields are counted from its end.
            parent = int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(each)
    found: list[int] = []
    queue = [pid]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names only
