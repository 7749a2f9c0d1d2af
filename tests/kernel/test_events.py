"""Single calls and processes are reported by the running kernel exactly as they happened."""

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from collector.events import layout
from collector.events.event import Record
from collector.events.layout import Access, Kind, Mark, Tag
from collector.events.sensor import EventSensor, Subscription
from collector.events.source import EVENTS
from collector.identity.cgroups import find_cgroup2_mount
from collector.rules.descriptors import Described, describe
from collector.sensor.btf import read_kernel_types
from collector.sensor.compiler import SOURCES, defines

pytestmark = pytest.mark.kernel
BOTH = Access.READ | Access.WRITE
_libc = ctypes.CDLL(None, use_errno=True)


def own_cgroup() -> Path:
    """Return the folder of this process's cgroup."""
    path = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].strip()
    return Path(find_cgroup2_mount()) / path


@pytest.fixture(scope="module")
def sensor() -> Iterator[EventSensor]:
    """One sensor for all tests of this module; each subscribes to what it wants."""
    with EventSensor() as opened:
        yield opened


def subscribe(sensor: EventSensor, *types: str, any_path: Access = BOTH, **wanted: object) -> None:
    """Report these types, and forget what came before."""
    sensor.subscribe(Subscription(types=frozenset(types), any_path=any_path, **({"prefixes": {}} | wanted)))  # type: ignore[arg-type]
    for _ in sensor.read():
        pass


def run(code: str, *arguments: object) -> int:
    """Run Python in a process of its own, and return its id; what the agent itself does is not reported."""
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", code, *map(str, arguments)])
    assert process.wait(60) == 0
    return process.pid


def until_exit(sensor: EventSensor, pid: int) -> list[Record]:
    """Return the records of one process up to its end."""
    found: list[Record] = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        sensor.wait(0.5)
        for record in sensor.read():
            if record.head.pid == pid:
                found.append(record)
                if record.kind is Kind.EXIT:
                    return found
    pytest.fail(f"The end of process {pid} was not reported; seen: {[each.kind.name for each in found]}.")


def calls(records: Iterable[Record], *names: str) -> list[Record]:
    """Return the calls of these names."""
    return [each for each in records if each.kind is Kind.CALL and each.call.name in names]


def test_an_open_is_reported_with_its_path_flags_and_result(sensor: EventSensor, tmp_path: Path) -> None:
    """Absolute and relative to a directory's descriptor, granted and refused."""
    subscribe(sensor, "openat")
    (tmp_path / "there").touch()
    code = """
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
os.open("there", os.O_WRONLY | os.O_TRUNC, dir_fd=folder)
os.chdir(sys.argv[1])
os.open("../" + os.path.basename(sys.argv[1]) + "/there", os.O_RDONLY)
try: os.open("/nowhere/at/all", os.O_RDWR | os.O_CREAT, 0o751)
except OSError: pass
"""
    found = calls(until_exit(sensor, run(code, tmp_path)), "openat")

    granted = [each for each in found if each.text(Tag.PATH) == "there"]
    assert [
        (each.path(Tag.DIRECTORY), each.head.arg2 & 0o1001, each.head.result >= 0) for each in granted
    ] == [(str(tmp_path), 0o1001, True)]
    relative = [each for each in found if (each.text(Tag.PATH) or "").startswith("../")]
    assert [each.path(Tag.DIRECTORY) for each in relative] == [str(tmp_path)]
    refused = [each for each in found if each.text(Tag.PATH) == "/nowhere/at/all"]
    assert [(each.head.result, each.head.arg2 & 0o102, each.head.arg3) for each in refused] == [
        (-2, 0o102, 0o751)
    ]


def test_an_exec_is_reported_with_program_arguments_and_environment(
    sensor: EventSensor, tmp_path: Path
) -> None:
    """Arguments as the new program sees them, links of its path resolved, bytes that are no text kept."""
    subscribe(sensor, "execve", env_bytes=4096)
    link = tmp_path / "renamed"
    link.symlink_to("/bin/true")
    arguments = [b"zero", b"one two", b"", b"caf\xe9"]
    pid = os.posix_spawn(link, arguments, {b"MARK": b"x y"})
    os.waitpid(pid, 0)
    execs = [each for each in until_exit(sensor, pid) if each.kind is Kind.EXEC]

    assert len(execs) == 1
    assert execs[0].sections[Tag.ARGS] == b"\0".join(arguments) + b"\0"
    assert execs[0].texts(Tag.ENV) == ("MARK=x y",)
    assert execs[0].path(Tag.EXE) == str(Path("/bin/true").resolve())
    assert execs[0].text(Tag.FILENAME) == str(link)
    assert execs[0].head.comm.rstrip(b"\0") == b"renamed"
    assert execs[0].path(Tag.CWD) == str(Path.cwd())
    assert execs[0].head.ppid == os.getpid()
    program = execs[0].program
    assert program is not None
    status = Path("/bin/true").stat()
    assert (program.inode, program.modified_s, program.mode, program.uid) == (
        status.st_ino, int(status.st_mtime), status.st_mode, status.st_uid,
    )  # fmt: skip


def test_a_script_shows_its_interpreters_arguments_and_a_failed_exec_its_result(
    sensor: EventSensor, tmp_path: Path
) -> None:
    """What was asked for is not what runs."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\nexit 0\n")
    script.chmod(0o755)
    subscribe(sensor, "execve")
    code = """
import os, sys
try: os.execv("/nowhere/program", ["x"])
except OSError: os.execv(sys.argv[1], ["given", "more"])
"""
    records = until_exit(sensor, run(code, script))
    execs = [each for each in records if each.kind is Kind.EXEC]
    failed = [each for each in calls(records, "execve") if each.text(Tag.PATH) == "/nowhere/program"]

    assert execs[-1].texts(Tag.ARGS) == ("/bin/sh", "-e", str(script), "more")
    assert [each.head.result for each in failed] == [-2]


def test_a_program_in_memory_is_told_apart(sensor: EventSensor) -> None:
    """Its file has no place in any directory."""
    subscribe(sensor, "execve")
    code = """
import os
memory = os.memfd_create("inside", 0)
os.write(memory, open("/bin/true", "rb").read())
os.execv(f"/proc/self/fd/{memory}", ["plain"])
"""
    execs = [each for each in until_exit(sensor, run(code)) if each.kind is Kind.EXEC]

    assert execs[-1].program is not None
    assert execs[-1].program.flags == layout.MEMFD
    assert execs[-1].path(Tag.EXE) == "/memfd:inside"
    assert execs[0].program is not None
    assert not execs[0].program.flags & layout.MEMFD


def test_a_connection_is_reported_with_both_ends(sensor: EventSensor) -> None:
    """The address that was asked for, and the port that the kernel chose."""
    subscribe(sensor, "connect", "accept4")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = """
import socket, sys
there = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print(there.getsockname()[1], flush=True)
refused = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
refused.connect_ex(("::1", 1))
"""
        with subprocess.Popen(
            [sys.executable, "-I", "-c", code, str(port)], stdout=subprocess.PIPE, text=True
        ) as process:
            said, _ = process.communicate(timeout=60)
        records = calls(until_exit(sensor, process.pid), "connect")
    ends = [describe(each, "connect") for each in records]
    ends = [each for each in ends if each and each.server and each.server[1] in {port, 1}]

    assert ends[0] is not None
    assert ends[1] is not None
    assert (ends[0].client, ends[0].server) == (("127.0.0.1", int(said)), ("127.0.0.1", port))
    assert (ends[0].type, ends[0].l4proto, ends[0].connected) == ("ipv4", "tcp", True)
    assert (ends[1].type, ends[1].server, ends[1].connected) == ("ipv6", ("::1", 1), False)


def test_links_renames_and_removals_have_both_paths(sensor: EventSensor, tmp_path: Path) -> None:
    """Each relative one with its own directory."""
    subscribe(
        sensor,
        "symlinkat",
        "symlink",
        "linkat",
        "link",
        "renameat2",
        "rename",
        "renameat",
        "unlinkat",
        "unlink",
    )
    code = """
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
os.symlink("/etc/shadow", "a", dir_fd=folder)
os.rename("a", sys.argv[1] + "/c", src_dir_fd=folder)
os.unlink("c", dir_fd=folder)
"""
    records = until_exit(sensor, run(code, tmp_path))
    link = calls(records, "symlinkat")[0]
    rename = calls(records, "renameat", "renameat2")[0]
    unlink = calls(records, "unlinkat")[0]

    assert (link.text(Tag.TEXT), link.text(Tag.PATH), link.path(Tag.DIRECTORY)) == (
        "/etc/shadow",
        "a",
        str(tmp_path),
    )
    assert (rename.text(Tag.PATH), rename.path(Tag.DIRECTORY), rename.text(Tag.PATH2)) == (
        "a",
        str(tmp_path),
        f"{tmp_path}/c",
    )
    assert (unlink.text(Tag.PATH), unlink.path(Tag.DIRECTORY)) == ("c", str(tmp_path))


def test_a_call_that_seccomp_denies_is_reported_too(sensor: EventSensor) -> None:
    """Its entry is never seen; its arguments are read when it comes back."""
    subscribe(sensor, "mkdir")
    code = r"""
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
rules = b"".join(struct.pack("HBBI", *each) for each in [
    (0x20, 0, 0, 0), (0x15, 0, 1, 83), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)])
buffer = ctypes.create_string_buffer(rules)
program = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
libc.prctl(38, 1, 0, 0, 0)
libc.prctl(22, 2, program, 0, 0)
libc.syscall(83, b"/denied", 0o700)
"""
    found = calls(until_exit(sensor, run(code)), "mkdir")

    assert [(each.text(Tag.PATH), each.head.result, bool(each.head.marks & Mark.LATE)) for each in found] == [
        ("/denied", -1, True)
    ]


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc to make an i386 call")
def test_an_i386_call_is_reported_under_the_native_name(sensor: EventSensor, tmp_path: Path) -> None:
    """Nobody escapes a rule by asking the kernel through its old gate."""
    source, program = tmp_path / "x.c", tmp_path / "x"
    source.write_text(
        'static char path[] = "/etc/shadow32";\n'
        "void _start(void) { long r;\n"
        '__asm__ volatile("int $0x80" : "=a"(r) : "a"(5), "b"(path), "c"(0), "d"(0));\n'
        '__asm__ volatile("int $0x80" : : "a"(1), "b"(0)); }\n'
    )
    subprocess.run(["gcc", "-nostdlib", "-static", "-no-pie", "-fno-pie", "-o", program, source], check=True)
    subscribe(sensor, "open", "openat")
    process = subprocess.Popen([program])
    if process.wait(60) == -signal.SIGSEGV:
        pytest.skip("this kernel takes no i386 calls")
    found = [each for each in calls(until_exit(sensor, process.pid), "open") if each.head.marks & Mark.COMPAT]

    assert [(each.text(Tag.PATH), each.head.result) for each in found] == [("/etc/shadow32", -2)]


def test_the_kernel_keeps_back_opens_that_no_prefix_asks_for(sensor: EventSensor, tmp_path: Path) -> None:
    """They are counted and never reach user space; relative and winding paths always do."""
    for name in ("wanted", "other"):
        (tmp_path / name).touch()
    subscribe(
        sensor,
        "openat",
        any_path=Access(0),
        prefixes={f"{tmp_path}/wanted": Access.READ, f"{tmp_path}/written": Access.WRITE},
    )
    before = sensor.sums()
    code = """
import os, sys
here = sys.argv[1]
for _ in range(500): os.close(os.open(here + "/other", os.O_RDONLY))
os.open(here + "/wanted", os.O_RDONLY)
os.open(here + "/wanted", os.O_WRONLY)
os.open(here + "/./other", os.O_RDONLY)
os.open(here + "//other", os.O_RDONLY)
os.chdir(here)
os.open("other", os.O_RDONLY)
os.open(here + "/written", os.O_RDWR | os.O_CREAT)
"""
    records = calls(until_exit(sensor, run(code, tmp_path)), "openat")
    ours = [
        each.text(Tag.PATH)
        for each in records
        if str(tmp_path) in (each.text(Tag.PATH) or "") or each.text(Tag.PATH) == "other"
    ]

    assert ours == [
        f"{tmp_path}/wanted",
        f"{tmp_path}/./other",
        f"{tmp_path}//other",
        "other",
        f"{tmp_path}/written",
    ]
    assert sensor.sums().filtered - before.filtered >= 501


def test_a_host_that_nobody_asks_for_is_kept_back(sensor: EventSensor) -> None:
    """Its calls are counted and not reported, what keeps the table of processes is; until the mark ends."""
    code = """
import ctypes, os
for _ in range(300):
    try: os.mkdir("/proc/nowhere")
    except OSError: pass
try: os.execv("/nowhere/program", ["x"])
except OSError: pass
ctypes.CDLL(None).prctl(15, b"another", 0, 0, 0)
child = os.fork()
if child: os.waitpid(child, 0)
"""
    own = own_cgroup().stat().st_ino
    subscribe(sensor, "mkdir", "execve", "unlink", contained=frozenset({"mkdir", "execve"}))
    try:
        sensor.mark_host(own, 60)
        before = sensor.sums()
        marked = until_exit(sensor, run(code))
        after = sensor.sums()
    finally:
        sensor.mark_host(own, 0)
    unmarked = until_exit(sensor, run(code))

    assert calls(marked, "mkdir", "execve") == []
    assert after.filtered - before.filtered >= 301
    lives = [[each.kind for each in found if each.kind is not Kind.CALL] for found in (marked, unmarked)]
    assert lives[0] == lives[1]
    assert {Kind.EXEC, Kind.RENAME, Kind.FORK, Kind.EXIT} <= set(lives[0])
    assert [each.text(Tag.COMM) for each in marked if each.kind is Kind.RENAME] == ["another"]
    assert len(calls(unmarked, "mkdir")) == 300
    assert [each.text(Tag.PATH) for each in calls(unmarked, "execve")] == ["/nowhere/program"]


def test_opens_of_a_host_are_compared_with_what_rules_ask_of_hosts(
    sensor: EventSensor, tmp_path: Path
) -> None:
    """A container, and who may be one, is asked for more."""
    code = """
import os, sys
for name in ("contained", "both"):
    try: os.open(sys.argv[1] + "/" + name, os.O_RDONLY)
    except OSError: pass
os.open(sys.argv[1] + "/written", os.O_WRONLY | os.O_CREAT)
"""
    prefixes = {f"{tmp_path}/contained": Access.READ, f"{tmp_path}/both": Access.HOST_READ}
    subscribe(sensor, "openat", any_path=Access.WRITE, prefixes=prefixes)
    found = {}
    for seconds in (60, 0):
        sensor.mark_host(own_cgroup().stat().st_ino, seconds)
        records = calls(until_exit(sensor, run(code, tmp_path)), "openat")
        paths = [each.text(Tag.PATH) or "" for each in records]
        found[seconds] = [each.rpartition("/")[2] for each in paths if each.startswith(str(tmp_path))]

    assert found == {60: ["both"], 0: ["contained", "both", "written"]}


def test_a_process_is_judged_by_the_cgroup_in_which_its_call_ends(sensor: EventSensor) -> None:
    """Moved from the host into a container while it waits, it is a container's: all of the call is told."""
    code = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.accept()
"""
    box = Path(find_cgroup2_mount()) / f"nonself-moved-{os.getpid()}"
    box.mkdir()
    own = own_cgroup().stat().st_ino
    subscribe(sensor, "accept4", contained=frozenset({"accept4"}))
    try:
        sensor.mark_host(own, 60)
        command = [sys.executable, "-I", "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            (box / "cgroup.procs").write_text(str(process.pid))
            socket.create_connection(("127.0.0.1", port)).close()
            process.wait(60)
        found = calls(until_exit(sensor, process.pid), "accept4")
    finally:
        sensor.mark_host(own, 0)
        box.rmdir()

    assert [(each.head.cgroup != own, bool(each.head.marks & Mark.LATE)) for each in found] == [(True, True)]
    assert found[0].head.result >= 0


def test_what_is_not_subscribed_is_not_reported(sensor: EventSensor) -> None:
    """Nor is what the agent does itself."""
    subscribe(sensor, "mkdir")
    os.open("/etc/hostname", os.O_RDONLY)
    with tempfile.TemporaryDirectory():
        pass
    records = until_exit(sensor, run("import os; os.open('/etc/hostname', 0)"))

    assert {each.kind for each in records} <= {Kind.EXEC, Kind.EXIT, Kind.FORK, Kind.RENAME}


def test_a_long_path_is_cut_and_marked(sensor: EventSensor) -> None:
    """A thousand characters are kept."""
    subscribe(sensor, "openat")
    code = """
import os
try: os.open("/" + "x/" * 1500, os.O_RDONLY)
except OSError: pass
"""
    found = [
        each
        for each in calls(until_exit(sensor, run(code)), "openat")
        if (each.text(Tag.PATH) or "").startswith("/x/x/")
    ]

    assert [(len(each.text(Tag.PATH) or ""), each.truncated) for each in found] == [(1023, True)]


def test_a_name_that_a_process_gives_itself_is_reported(sensor: EventSensor) -> None:
    """And the fork that it makes, with both ids."""
    subscribe(sensor)
    code = """
import ctypes, os
ctypes.CDLL(None).prctl(15, b"another", 0, 0, 0)
child = os.fork()
if child: os.waitpid(child, 0)
"""
    records = until_exit(sensor, run(code))
    # An exec renames too.
    renames = [each for each in records if each.kind is Kind.RENAME and each.head.comm.startswith(b"python")]
    renames = [each for each in renames if each.text(Tag.COMM) == "another"]
    forks = [each for each in records if each.kind is Kind.FORK]

    assert [(each.text(Tag.COMM), each.head.arg0 == each.head.pid) for each in renames] == [("another", True)]
    assert [each.head.arg4 == each.head.pid and each.head.arg0 > 0 for each in forks] == [True]


def test_events_that_find_no_room_are_counted() -> None:
    """A tiny ring and nobody reading: what was sent and what was dropped add up."""
    with EventSensor(ring_bytes=4096) as sensor:
        subscribe(sensor, "mkdir")
        before = sensor.sums()
        run("import os\nfor _ in range(2000):\n try: os.mkdir('/proc/nowhere')\n except OSError: pass")
        after = sensor.sums()
        there = sum(1 for _ in sensor.read())

    assert after.dropped - before.dropped >= 1900
    assert there < 100
    assert (after.dropped - before.dropped) + (after.sent - before.sent) >= 2000


def test_descriptors_are_what_the_kernels_own_table_says(sensor: EventSensor, tmp_path: Path) -> None:
    """Against a simple model: random opens, dups, closes and marks for closing, over forks and execs."""
    seed = random.randrange(1 << 32)
    plan = random.Random(seed)
    kinds = ["file", "directory", "pipe", "socket", "event"]
    model: dict[int, str] = {}
    steps: list[str] = []
    expected: list[tuple[str, int, str]] = []
    for number in range(60):
        choice = plan.choice(["make", "dup", "close", "exec"] if model else ["make"])
        target = plan.randrange(20, 40)
        if choice == "make":
            kind = plan.choice(kinds)
            steps.append(f"make {kind} {target}")
            model[target] = kind
        elif choice == "close":
            gone = plan.choice(sorted(model))
            steps.append(f"close {gone}")
            del model[gone]
        elif choice == "exec" and number % 7 == 0:
            marked = [each for each in sorted(model) if plan.random() < 0.3]
            steps.append("exec " + ",".join(map(str, marked)))
            model = {each: kind for each, kind in model.items() if each not in marked}
        else:
            source = plan.choice(sorted(model))
            target = plan.randrange(40, 60)
            steps.append(f"dup {source} {target}")
            expected.append(("dup2", target, model[source]))
            model[target] = model[source]
    script = tmp_path / "steps.py"
    script.write_text(_STEPS)
    (tmp_path / "plan").write_text("\n".join(steps))
    subscribe(sensor, "dup2")
    process = subprocess.Popen([sys.executable, "-I", "-S", script, tmp_path, "0"])
    assert process.wait(60) == 0
    found = [
        (each, describe(each, "dup2"))
        for each in calls(until_exit(sensor, process.pid), "dup2")
        if 40 <= each.head.arg1 < 60
    ]

    assert [("dup2", each.number, _kind(each)) for _, each in found if each] == expected, f"seed {seed}"


def _kind(described: Described) -> str:
    return "socket" if described.type == "ipv4" else described.type or ""


_STEPS = """
import fcntl, os, socket, sys
folder, at = sys.argv[1], int(sys.argv[2])
lines = open(folder + "/plan").read().splitlines()
def place(fd, target):
    # Not by dup2, so that every dup2 is one of the plan's.
    high = fcntl.fcntl(fd, fcntl.F_DUPFD, 100)
    os.close(fd)
    try: os.close(target)
    except OSError: pass
    got = fcntl.fcntl(high, fcntl.F_DUPFD, target)
    os.close(high)
    assert got == target, (got, target)
def make(kind):
    if kind == "file": return os.open(folder + "/plan", os.O_RDONLY)
    if kind == "directory": return os.open(folder, os.O_RDONLY)
    if kind == "pipe":
        r, w = os.pipe(); os.close(w); return r
    if kind == "event": return os.eventfd(0)
    return socket.socket().detach()
while at < len(lines):
    what, *rest = lines[at].split(" ")
    at += 1
    if what == "make": place(make(rest[0]), int(rest[1]))
    elif what == "close": os.close(int(rest[0]))
    elif what == "dup": os.dup2(int(rest[0]), int(rest[1]), inheritable=True)
    else:
        for each in filter(None, rest[0].split(",")):
            fcntl.fcntl(int(each), fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        for each in os.listdir("/proc/self/fd"):
            if 20 <= int(each) < 60 and each not in rest[0].split(","):
                try: os.set_inheritable(int(each), True)
                except OSError: pass
        os.execv(sys.executable, [sys.executable, "-I", "-S", sys.argv[0], folder, str(at)])
"""

PROGRAM = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
typedef uint64_t u64; typedef int64_t s64; typedef uint32_t u32; typedef uint16_t u16; typedef uint8_t u8;
#include "events.h"
#define SIZE(type) printf("%s %zu\\n", #type, sizeof(struct type))
#define AT(field) printf("head.%s %zu\\n", #field, offsetof(struct head, field))
#define NUMBER(name) printf("%s %llu\\n", #name, (unsigned long long)(name))
int main(void) {
    SIZE(call); SIZE(config); SIZE(head); SIZE(descriptor); SIZE(program);
    AT(cgroup); AT(result); AT(args); AT(start); AT(pid); AT(loginuid); AT(vpid); AT(kind); AT(comm);
    NUMBER(SLOTS); NUMBER(COMPAT_SLOT); NUMBER(KEY_BYTES); NUMBER(EVENT_CALL); NUMBER(EVENT_EXEC);
    NUMBER(EVENT_FORK);
    NUMBER(EVENT_EXIT); NUMBER(EVENT_RENAME); NUMBER(MARK_COMPAT); NUMBER(MARK_LATE); NUMBER(MARK_TRUNCATED);
    NUMBER(MARK_UNREADABLE); NUMBER(TAG_PATH); NUMBER(TAG_DIRECTORY); NUMBER(TAG_TEXT); NUMBER(TAG_ADDRESS);
    NUMBER(TAG_DATA); NUMBER(TAG_DESCRIPTOR); NUMBER(TAG_DESCRIPTOR_PATH); NUMBER(TAG_CWD); NUMBER(TAG_EXE);
    NUMBER(TAG_FILENAME); NUMBER(TAG_ARGS); NUMBER(TAG_ENV); NUMBER(TAG_PROGRAM); NUMBER(TAG_COMM);
    NUMBER(TAG_UNIX);
    NUMBER(CALL_ON); NUMBER(CALL_OPEN); NUMBER(CALL_HOW); NUMBER(CALL_MESSAGE); NUMBER(CALL_EXEC);
    NUMBER(CALL_RESULT);
    NUMBER(CALL_DATA_OUT); NUMBER(CALL_CONTAINED); NUMBER(ACCESS_READ); NUMBER(ACCESS_WRITE);
    NUMBER(ACCESS_HOST_READ); NUMBER(ACCESS_HOST_WRITE); NUMBER(ACCESS_HOST_SHIFT); NUMBER(PROGRAM_UPPER);
    NUMBER(PROGRAM_LOWER);
    NUMBER(PROGRAM_MEMFD); NUMBER(STAT_DROPPED); NUMBER(STAT_FILTERED); NUMBER(STAT_SENT); NUMBER(STATS);
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc to ask for the header's offsets")
def test_the_header_and_its_python_twin_describe_the_same_bytes(tmp_path: Path) -> None:
    """A field that moves on one side alone would be read as another."""
    source, program = tmp_path / "layout.c", tmp_path / "layout"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", f"-I{SOURCES}", "-o", program, source], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    compiled = {name: int(value) for name, value in (line.split() for line in said.splitlines())}
    ours: dict[str, int] = {
        "SLOTS": layout.SLOTS, "COMPAT_SLOT": layout.COMPAT_SLOT, "KEY_BYTES": layout.KEY_BYTES,
        "STATS": layout.STATS, "ACCESS_HOST_SHIFT": layout.HOST_SHIFT,
        "STAT_DROPPED": layout.STAT_DROPPED, "STAT_FILTERED": layout.STAT_FILTERED,
        "STAT_SENT": layout.STAT_SENT,
        "PROGRAM_UPPER": layout.UPPER, "PROGRAM_LOWER": layout.LOWER, "PROGRAM_MEMFD": layout.MEMFD,
        "call": layout.CALL.size, "config": layout.CONFIG.size, "head": layout.HEAD.size,
        "descriptor": layout.DESCRIPTOR.size, "program": layout.PROGRAM.size,
        "head.cgroup": 8, "head.result": 16, "head.args": 24, "head.start": 96, "head.pid": 104,
        "head.loginuid": 132,
        "head.vpid": 148, "head.kind": 168, "head.comm": 176,
    }  # fmt: skip
    for prefix, kind in (
        ("EVENT", Kind),
        ("MARK", Mark),
        ("CALL", layout.How),
        ("ACCESS", Access),
        ("TAG", Tag),
    ):
        ours |= {f"{prefix}_{each.name}": each.value for each in kind}  # type: ignore[attr-defined]
    for second in ("TAG_PATH2", "TAG_DIRECTORY2"):
        del ours[second]

    assert compiled == ours


def test_every_macro_the_source_uses_is_given() -> None:
    """Each offset in the C source is one that user space looks up, and none is looked up in vain."""
    text = "".join(
        (SOURCES / name).read_text() for name in sorted(each.name for each in SOURCES.glob("events*"))
    )
    used = set(re.findall(r"\bOFF_\w+", text)) - {"OFF_"}

    assert used == set(defines(read_kernel_types(), EVENTS, {}))
